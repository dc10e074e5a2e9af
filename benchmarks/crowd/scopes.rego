# METADATA
# title: Who may call the tools of bench
# labels: {owner: bench, control: T-01}
package remit.domains.bench.scopes

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: security, control: T-01}
permits contains lib.reason("bench.scoped", "domains.bench.scopes", "the agent's scopes cover the call") if lib.scoped(input)

# METADATA
# labels: {concern: security, control: T-01}
undo_permits contains lib.reason("bench.undo", "domains.bench.scopes", "what was done here is undone") if {
	input.action.direction == "undo"
}

# METADATA
# labels: {concern: security, control: T-01}
denies contains lib.reason("bench.barred", "domains.bench.scopes", "the agent is barred from bench") if {
	input.principal.agent in lib.bounds("bench").barred
}
