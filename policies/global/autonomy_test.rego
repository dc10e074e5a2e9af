package remit.global.autonomy_test

import rego.v2

import data.remit.global.autonomy
import data.remit.lib.fixtures_test as facts

gated(changes) := gates if {
	gates := autonomy.gates with input as facts.call(changes) with data.remit.registry as facts.registry
}

test_unattended if gated({}) == set()

test_notify_asks_nobody if gated({"autonomy": "notify"}) == set()

test_approve_and_human_ask if {
	facts.codes(gated({"autonomy": "approve"})) == {"plan.autonomy"}
	facts.codes(gated({"autonomy": "human"})) == {"plan.autonomy"}
}

test_the_gate_of_the_plan if {
	gate := {"role": "lawyer", "quorum": 2, "expires_ms": 7, "message": "read it"}
	gated({"plan_gate": gate}) == {{
		"code": "plan.gate",
		"policy": "global.autonomy",
		"message": "read it",
		"role": "lawyer",
		"quorum": 2,
		"expires_in_ms": 7,
		"then": [],
	}}
	some spoken in gated({"plan_gate": object.union(gate, {"message": ""}), "autonomy": "approve"})
	spoken.message == "the plan asks for it"
}

test_low_confidence if {
	facts.codes(gated({"confidence": 0.69})) == {"risk.low_confidence"}
	gated({"confidence": 0.7}) == set()
	gated({"confidence": null}) == set()
}

test_a_gate_of_the_plan_is_enough_for_its_autonomy if {
	gate := {"role": "lawyer", "quorum": 1, "expires_ms": 7, "message": "read it"}
	facts.codes(gated({"plan_gate": gate, "autonomy": "human"})) == {"plan.gate"}
}
