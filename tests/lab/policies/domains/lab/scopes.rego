# METADATA
# title: The lab's tools
# description: An agent whose scopes cover a call may make it; names may ask for a gate or a deny.
package remit.domains.lab.scopes

import rego.v2

import data.remit.lib

permits contains lib.reason("lab.scoped", "domains.lab.scopes", "scopes cover the call") if {
	lib.scoped(input)
}

undo_permits contains lib.reason("lab.undo", "domains.lab.scopes", "the lab undoes what it did") if {
	input.action.direction == "undo"
}

denies contains lib.reason("lab.forbidden", "domains.lab.scopes", "the name is forbidden") if {
	startswith(input.action.arguments.name, "forbidden")
}

gates contains lib.gate("lab.guarded", "domains.lab.scopes", lib.rule("lab", "gate"), "guarded name") if {
	startswith(input.action.arguments.name, "guarded")
}

gates contains lib.gate("lab.hasty", "domains.lab.scopes", lib.rule("lab", "hasty"), "hasty name") if {
	startswith(input.action.arguments.name, "hasty")
}
