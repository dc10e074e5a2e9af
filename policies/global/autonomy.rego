# METADATA
# title: What the plan itself asks for
# description: |
#   A plan may add gates, never remove one. A step whose author wants a person, or who is not sure enough
#   of it, waits for one.
# labels: {owner: platform, control: H-02}
package remit.global.autonomy

import rego.v2

import data.remit.lib

_policy := "global.autonomy"

# METADATA
# labels: {concern: risk, control: H-02}
gates contains lib.gate(
	"plan.gate", _policy,
	{"role": gate.role, "quorum": gate.quorum, "expires_in_ms": gate.expires_ms},
	_or(gate.message, "the plan asks for it"),
) if {
	gate := input.action.plan_gate
	is_object(gate)
}

# METADATA
# labels: {concern: safety, control: H-03}
gates contains lib.gate("plan.autonomy", _policy, lib.thresholds.gates.autonomy, "its author wants a person to decide") if {
	input.action.autonomy in {"approve", "human"}
	not is_object(input.action.plan_gate)
}

# METADATA
# labels: {concern: risk, control: D-13}
gates contains lib.gate("risk.low_confidence", _policy, lib.thresholds.gates.low_confidence, $"its author is sure by {input.action.confidence} only") if {
	is_number(input.action.confidence)
	not input.action.confidence >= lib.thresholds.min_confidence
}

_or(text, _) := text if text != ""

_or("", instead) := instead
