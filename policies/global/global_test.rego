package remit.global_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main

# Each set of each module reaches the decision.

decide(given) := decision if {
	decision := main.decision with input as given with data.remit.registry as facts.registry
}

denied(given) := facts.codes(decision.reasons) if {
	decision := decide(given)
	decision.effect == "deny"
}

test_denies_of_calls if {
	denied(object.union(facts.call({}), {"principal": {"agent": "nobody"}})) == {"agent.unknown"}
	denied(facts.call({"cost": {"micros": 20000000001}})) == {"budget.exceeded"}
	denied(facts.call({"destinations": ["evil.example"]})) == {"egress.host"}
	denied(facts.call({"purpose": "probe", "operation": "write"})) == {"purpose.not_a_read"}
	denied(object.union(facts.call({}), {"plan": {"forbidden_tools": ["finance.book@1"]}})) == {"tool.forbidden"}
}

# What flows where, and what comes before what, is refused by data alone.
_planned(changes, thresholds) := facts.codes(decision.reasons) if {
	registry := object.union(facts.registry, {"thresholds": thresholds})
	decision := main.decision with input as facts.admission([changes]) with data.remit.registry as registry
	decision.effect == "deny"
}

test_denies_of_plans_by_data if {
	flow := {"name": "home", "data_class": "pii", "regions": ["us"]}
	_planned({"inflow": ["pii"]}, {"plans": {"flows": [flow]}}) == {"plan.flow"}
	lost := {"irreversible": true, "may_fail_behind": true}
	"plan.irreversible_before_fallible" in _planned(lost, {"plans": {"irreversible_before_fallible": "deny"}})
}

test_denies_of_undos if {
	denied(object.union(facts.undo({}), {"principal": {"agent": "nobody"}})) == {"agent.unknown"}
	denied(facts.undo({"destinations": ["evil.example"]})) == {"egress.host"}
	denied(facts.undo({"purpose": "probe", "operation": "write"})) == {"purpose.not_a_read"}
	denied(object.union(facts.undo({}), {"context": {"scheduled_ms": 9000000}})) == {"clock.behind"}
}

test_denies_of_plans if {
	denied(object.union(facts.admission([{}]), {"principal": {"agent": "nobody"}})) == {"agent.unknown"}
	denied(facts.admission([{"destinations": ["evil.example"]}])) == {"plan.egress"}
	denied(facts.admission([{"has_undo": false}])) == {"plan.undo_missing"}
}

test_without_thresholds_nothing_is_allowed if {
	every given in [facts.call({}), facts.admission([{}])] {
		decision := main.decision with input as given
			with data.remit.registry as facts.registry
			with data.remit.lib.thresholds as {}
		"registry.missing" in facts.codes(decision.reasons)
	}
}

gated(given) := facts.codes(decision.approvals) if {
	decision := decide(given)
	decision.effect == "require_approval"
}

test_gates if {
	gated(facts.call({"autonomy": "approve"})) == {"plan.autonomy"}
	gated(facts.call({"operation": "delete"})) == {"operation.delete"}
	unlimited := object.union(facts.call({"cost": {"micros": 5}}), {"budget": {"limit_micros": null, "currency": ""}})
	gated(unlimited) == {"budget.unbudgeted"}
}

test_reserves if {
	decision := decide(facts.call({"cost": {"micros": 5}}))
	decision.effect == "allow"
	{reserve.amount | some reserve in decision.reserve} == {5}
}

test_a_probe_is_never_gated if {
	every given in [
		facts.call({"purpose": "probe", "operation": "read", "irreversible": true, "autonomy": "human"}),
		facts.call({"purpose": "read_back", "operation": "read", "confidence": 0.1}),
		facts.undo({"purpose": "probe", "operation": "read", "irreversible": true}),
	] {
		decide(given).effect == "allow"
	}
}
