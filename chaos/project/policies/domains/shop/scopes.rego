# METADATA
# title: The shop's tools
# description: An agent whose scopes cover a call may make it; guarded names ask, forbidden are denied.
package remit.domains.shop.scopes

import rego.v2

import data.remit.lib

permits contains lib.reason("shop.scoped", "domains.shop.scopes", "scopes cover the call") if {
	lib.scoped(input)
}

undo_permits contains lib.reason("shop.undo", "domains.shop.scopes", "the shop undoes what it did") if {
	input.action.direction == "undo"
}

denies contains lib.reason("shop.forbidden", "domains.shop.scopes", "the name is forbidden") if {
	startswith(input.action.arguments.name, "forbidden")
}

gates contains lib.gate("shop.guarded", "domains.shop.scopes", lib.rule("shop", "gate"), "guarded name") if {
	startswith(input.action.arguments.name, "guarded")
}
