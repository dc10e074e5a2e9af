# METADATA
# title: Risk level
# description: The highest level that anything about the call or plan suggests; unknown is high.
# labels: {owner: security, control: D-13}
package remit.risk

import rego.v2

import data.remit.lib

# METADATA
# title: Level of one decision
# description: Asked for only while the facts are well formed.
# scope: document
# labels: {concern: risk, control: D-13}
default level := "high"

level := _of_call if input.kind == "call"

level := _of_plan if input.kind == "admission"

level := "low" if not input.kind in {"call", "admission"}

_of_call := "critical" if input.action.cost.micros > lib.thresholds.critical_micros

else := "high" if {
	input.action.irreversible
	_by_operation != "critical"
}

else := "high" if {
	is_number(input.action.confidence)
	input.action.confidence < lib.thresholds.min_confidence
	_by_operation != "critical"
}

else := _by_operation

_by_operation := lib.thresholds.risk[input.action.operation]

_of_plan := "critical" if _levels.critical

else := "high" if _levels.high

else := "medium" if _levels.medium

else := "low"

_levels contains lib.thresholds.risk[step.operation] if some step in input.plan.steps

_levels contains "high" if {
	some step in input.plan.steps
	step.irreversible
}
