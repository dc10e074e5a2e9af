# METADATA
# title: A domain of a project
# description: One permit by scope, one obligation.
# labels: {owner: desk, control: T-01}
package remit.domains.desk.scopes

import rego.v2

import data.remit.lib

permits contains lib.reason("desk.scoped", "domains.desk.scopes", "the agent's scopes cover the call") if lib.scoped(input)

obligations contains {"type": "limit", "critical": true, "path": "/count", "max": lib.bounds("desk").limit} if {
	is_number(input.action.arguments.count)
}
