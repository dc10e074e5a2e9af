# METADATA
# title: Exceptions
# description: |
#   A refusal of a call may be lifted by data, for a while, with a ticket and somebody who answers for it:
#   only one whose code security lists as waivable. It lifts a refusal and permits nothing. Asked for only
#   when something is refused, so the ordinary call pays nothing.
# labels: {owner: security, control: D-15}
package remit.global.exceptions

import rego.v2

import data.remit.lib

# METADATA
# title: Exceptions in force for the call, by the code that they lift
# labels: {concern: governance, control: D-15}
in_force[one.code] contains one if {
	input.kind == "call"
	some one in data.remit.registry.exceptions
	one.code in lib.thresholds.waivable
	one.expires_ms > input.context.now_ms
	object.get(one, "agent", null) in {null, input.principal.agent}
	object.get(one, "tool", null) in {null, input.action.tool}
}

# METADATA
# title: How a decision tells of it
# labels: {concern: governance, control: D-15}
told(one) := lib.reason("exception.lifted", "global.exceptions", $"{one.code} is lifted until {one.expires_ms} by {one.ticket}, for which {one.owner} answers")
