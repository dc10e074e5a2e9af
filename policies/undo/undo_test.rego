package remit.undo_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main

decide(given) := decision if {
	decision := main.decision with input as given with data.remit.registry as facts.registry
}

agent_of(agent, given) := object.union(given, {"principal": {"agent": agent}})

test_any_scope_of_the_domain_is_enough if {
	decision := decide(agent_of("reader", facts.undo({"operation": "delete"})))
	decision.effect == "allow"
	facts.codes(decision.permits) == {"undo.permitted"}
	decision.approvals == []
}

test_a_suspended_agent_undoes if decide(agent_of("sleeper", facts.undo({}))).effect == "allow"

test_another_domain_is_not_covered if {
	decision := decide(facts.undo({"domain": "nowhere", "tool": "nowhere.x@1"}))
	decision.effect == "deny"
	facts.codes(decision.reasons) == {"policy.unknown_domain"}
}

test_an_unknown_agent_undoes_nothing if decide(agent_of("nobody", facts.undo({}))).effect == "deny"

test_budget_deadline_and_plan_do_not_stop_it if {
	given := object.union(facts.undo({"cost": {"micros": 99}, "irreversible": true, "confidence": 0.1}), {
		"budget": {"limit_micros": 0, "spent_micros": 100},
		"context": {"now_ms": 9000000},
		"plan": {"forbidden_tools": ["finance.book@1"], "regions": []},
	})
	decision := decide(given)
	decision.effect == "allow"
	count(decision.reserve) == 0
}
