# METADATA
# title: The benchmark's tools
# description: An agent whose scopes cover a call may make it, and Remit may undo it.
package remit.domains.bench.scopes

import rego.v2

import data.remit.lib

permits contains lib.reason("bench.scoped", "domains.bench.scopes", "the agent's scopes cover the call") if lib.scoped(input)

undo_permits contains lib.reason("bench.undo", "domains.bench.scopes", "the benchmark undoes what it did") if {
	input.action.direction == "undo"
}
