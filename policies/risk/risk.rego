# METADATA
# title: Risk level
# description: The highest level that anything about the call or plan suggests; unknown is high.
# labels: {owner: security, control: H-02}
package remit.risk

import rego.v2

import data.remit.lib

# METADATA
# title: Level of one decision
# description: Asked for only while the facts are well formed.
level := "critical" if _costs_much

else := "critical" if _by_operation.critical

else := "high" if _irreversible

else := "high" if _uncertain

else := "high" if _by_operation.high

else := "medium" if _by_operation.medium

else := "low"

_by_operation := {lib.thresholds.risk[input.action.operation]} if input.kind == "call"

_by_operation := {lib.thresholds.risk[step.operation] | some step in input.plan.steps} if input.kind == "admission"

_costs_much if {
	input.kind == "call"
	input.action.cost.micros > lib.thresholds.critical_micros
}

_irreversible if {
	input.kind == "call"
	input.action.irreversible
}

_irreversible if {
	input.kind == "admission"
	some step in input.plan.steps
	step.irreversible
}

_uncertain if {
	input.kind == "call"
	input.action.confidence < lib.thresholds.min_confidence
	is_number(input.action.confidence)
}
