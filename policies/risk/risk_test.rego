package remit.risk_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.risk

level(changes) := found if {
	found := risk.level with input as facts.call(changes) with data.remit.registry as facts.registry
}

test_by_operation if {
	level({"operation": "read"}) == "low"
	level({"operation": "write"}) == "medium"
	level({"operation": "trigger"}) == "medium"
	level({"operation": "delete"}) == "high"
	level({"operation": "spend"}) == "high"
}

test_what_makes_it_riskier if {
	level({"irreversible": true}) == "high"
	level({"confidence": 0.1}) == "high"
	level({"confidence": null}) == "medium"
	level({"cost": {"micros": 50000000001}}) == "critical"
}

test_data_may_call_an_operation_critical if {
	registry := object.union(facts.registry, {"thresholds": {"risk": {"write": "critical"}}})
	found := risk.level with input as facts.call({}) with data.remit.registry as registry
	found == "critical"
}

test_a_plan_is_as_risky_as_its_riskiest_step if {
	found := risk.level with input as facts.admission([{"operation": "read"}, {"operation": "delete"}])
	found == "high"
	irreversible := risk.level with input as facts.admission([{"operation": "read"}, {"irreversible": true}])
	irreversible == "high"
	quiet := risk.level with input as facts.admission([{"operation": "read"}, {"operation": "plan"}])
	quiet == "low"
}

test_our_own_activities_are_of_low_risk if {
	found := risk.level with input as facts.system("remit.admit", "orchestrate", "ExecutePlan")
	found == "low"
}

test_critical_is_not_lowered if {
	registry := object.union(facts.registry, {"thresholds": {"risk": {"write": "critical"}}})
	every change in [{"irreversible": true}, {"confidence": 0.1}] {
		found := risk.level with input as facts.call(change) with data.remit.registry as registry
		found == "critical"
	}
	plan := risk.level with input as facts.admission([{"irreversible": true}]) with data.remit.registry as registry
	plan == "critical"
}

test_a_plan_that_only_writes_is_of_medium_risk if {
	found := risk.level with input as facts.admission([{}, {"operation": "read"}])
	found == "medium"
}

test_a_bound_itself_is_within_it if {
	level({"cost": {"micros": 50000000000}}) == "medium"
	level({"confidence": 0.7}) == "medium"
}

test_what_is_no_call_has_no_risk_of_one if {
	every kind in ["vote", "order", "system"] {
		risk.level == "low" with input as object.union(facts.call({"operation": "spend"}), {"kind": kind})
			with data.remit.registry as facts.registry
	}
}
