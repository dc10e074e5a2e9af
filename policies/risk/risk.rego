# METADATA
# title: Risk level
# description: The highest level that anything about the call or plan suggests; unknown is high.
# labels: {owner: security, control: H-02}
package remit.risk

import data.remit.lib
import data.remit.lib.shape

_order := ["low", "medium", "high", "critical"]

default level := "high"

level := _order[max(_ranks)] if shape.well_formed

_thresholds := lib.thresholds

_rank := {name: rank | some rank, name in _order}

_ranks contains 0

_ranks contains _rank[_thresholds.risk[input.action.operation]] if input.kind == "call"

_ranks contains 2 if {
	input.kind == "call"
	input.action.irreversible
}

_ranks contains 2 if {
	input.kind == "call"
	input.action.confidence != null
	input.action.confidence < _thresholds.min_confidence
}

_ranks contains 3 if {
	input.kind == "call"
	input.action.cost.micros > _thresholds.critical_micros
}

_ranks contains _rank[_thresholds.risk[step.operation]] if {
	input.kind == "admission"
	some step in input.plan.steps
}

_ranks contains 2 if {
	input.kind == "admission"
	some step in input.plan.steps
	step.irreversible
}
