package remit.global.limits_test

import rego.v2

import data.remit.global.limits
import data.remit.lib.fixtures_test as facts
import data.remit.main

few := {"name": "few-calls", "counts": "calls", "most": 5, "window_ms": 1000}

tokens := {"name": "words", "counts": "tokens", "most": 1000, "window_ms": 86400000}

time := {"name": "busy", "counts": "ms", "most": 60000, "window_ms": 86400000}

money := {"name": "a-day", "counts": "micros", "most": 100, "window_ms": 86400000}

agent_with(limit) := object.union(facts.registry, {"agents": {"buyer": {"budgets": [limit]}}})

reserved(given, registry) := reserves if {
	reserves := limits.reserves with input as given with data.remit.registry as registry
}

denied(given, registry) := facts.codes(reasons) if {
	reasons := limits.denies with input as given with data.remit.registry as registry
}

gated(given, registry) := gates if {
	gates := limits.gates with input as given with data.remit.registry as registry
}

full(given, counter, value) := object.union(given, {"budget": {"counters": {counter: value}}})

test_nothing_is_bounded_without_data if {
	reserved(facts.call({"cost": {"micros": 5}}), facts.registry) == set()
	denied(facts.call({}), facts.registry) == set()
}

test_a_call_counts_in_its_window if {
	reserved(facts.call({}), agent_with(few)) == {{"counter": "agent/buyer/few-calls/1000", "amount": 1, "ceiling": 5}}
	later := object.union(facts.call({}), {"context": {"now_ms": 1000999}})
	reserved(later, agent_with(few)) == reserved(facts.call({}), agent_with(few))
	next := object.union(facts.call({}), {"context": {"now_ms": 1001000}})
	{reserve.counter | some reserve in reserved(next, agent_with(few))} == {"agent/buyer/few-calls/1001"}
}

test_money_counts_by_amount if {
	given := facts.call({"cost": {"micros": 7}})
	reserved(given, agent_with(money)) == {{"counter": "agent/buyer/a-day/0/micros", "amount": 7, "ceiling": 100}}
	reserved(facts.call({}), agent_with(money)) == set()
}

test_what_a_call_takes_counts_at_most_so_much if {
	given := facts.call({"takes": {"tokens": 900, "ms": 30000}})
	reserved(given, agent_with(tokens)) == {{"counter": "agent/buyer/words/0/tokens", "amount": 900, "ceiling": 1000}}
	reserved(given, agent_with(time)) == {{"counter": "agent/buyer/busy/0/ms", "amount": 30000, "ceiling": 60000}}
	every case in [[tokens, 100, set()], [tokens, 101, {"limit.exhausted"}], [time, 30000, set()], [time, 30001, {"limit.exhausted"}]] {
		limit := case[0]
		counter := concat("/", ["agent/buyer", limit.name, "0", limit.counts])
		denied(full(given, counter, case[1]), agent_with(limit)) == case[2]
	}
}

test_a_tool_that_takes_no_tokens_is_not_counted if {
	reserved(facts.call({"takes": {"tokens": 0}}), agent_with(tokens)) == set()
}

test_tokens_that_nothing_bounds_find_no_room if {
	given := facts.call({"takes": {"tokens": null}})
	reserved(given, agent_with(tokens)) == {{"counter": "agent/buyer/words/0/tokens", "amount": 1001, "ceiling": 1000}}
	denied(full(given, "agent/buyer/words/0/tokens", 0), agent_with(tokens)) == {"limit.exhausted"}
	reserved(given, agent_with(few)) == {{"counter": "agent/buyer/few-calls/1000", "amount": 1, "ceiling": 5}}
}

test_tenants_and_people_are_bounded_too if {
	tenant := object.union(facts.registry, {"tenants": {"acme": {"budgets": [few]}}})
	{reserve.counter | some reserve in reserved(facts.call({}), tenant)} == {"tenant/acme/few-calls/1000"}
	person := object.union(facts.registry, {"people": {"requester@acme.example": {"budgets": [few]}}})
	own := {reserve.counter | some reserve in reserved(facts.call({}), person)}
	count(own) == 1
	every name in [" Requester@acme.example", "REQUESTER@ACME.EXAMPLE "] {
		spelled := object.union(facts.call({}), {"principal": {"on_behalf_of": name}})
		{reserve.counter | some reserve in reserved(spelled, person)} == own
	}
	other := object.union(facts.call({}), {"principal": {"on_behalf_of": "other@acme.example"}})
	reserved(other, person) == set()
}

test_a_limit_speaks_of_its_calls_alone if {
	spending := object.union(few, {"of": {"operation": "spend"}})
	reserved(facts.call({}), agent_with(spending)) == set()
	count(reserved(facts.call({"operation": "spend"}), agent_with(spending))) == 1
	every parties in [
		{"tenants": {"acme": {"budgets": [spending]}}},
		{"people": {"requester@acme.example": {"budgets": [spending]}}},
	] {
		registry := object.union(facts.registry, parties)
		reserved(facts.call({}), registry) == set()
		count(reserved(facts.call({"operation": "spend"}), registry)) == 1
	}
}

test_another_agent_has_room_of_its_own if {
	given := full(facts.call({}), "agent/buyer/few-calls/1000", 5)
	other := object.union(given, {"principal": {"agent": "listed"}})
	denied(given, agent_with(few)) == {"limit.exhausted"}
	gated(given, agent_with(few)) == set()
	denied(other, agent_with(few)) == set()
}

test_room_is_left_until_the_bound if {
	every value in [0, 4] {
		given := full(facts.call({}), "agent/buyer/few-calls/1000", value)
		denied(given, agent_with(few)) == set()
		{reserve.ceiling | some reserve in reserved(given, agent_with(few))} == {5}
	}
	denied(full(facts.call({}), "agent/buyer/few-calls/1000", 5), agent_with(few)) == {"limit.exhausted"}
	denied(full(facts.call({}), "agent/buyer/few-calls/1000", 9), agent_with(few)) == {"limit.exhausted"}
}

test_a_full_counter_of_another_limit_says_nothing if {
	denied(full(facts.call({}), "agent/buyer/few-calls/999", 9), agent_with(few)) == set()
}

test_the_money_that_is_left_must_be_enough if {
	every case in [[7, 93, set()], [7, 94, {"limit.exhausted"}]] {
		given := full(facts.call({"cost": {"micros": case[0]}}), "agent/buyer/a-day/0/micros", case[1])
		denied(given, agent_with(money)) == case[2]
	}
}

test_a_person_may_be_asked_instead if {
	asks := agent_with(object.union(few, {"do": "gate", "gate": {"role": "budget_holder", "expires_in_ms": 5}}))
	given := full(facts.call({}), "agent/buyer/few-calls/1000", 5)
	denied(given, asks) == set()
	{[gate.code, gate.role] | some gate in gated(given, asks)} == {["limit.few_calls", "budget_holder"]}
	gated(facts.call({}), asks) == set()

	# Whom a person lets pass is counted beyond the bound.
	granted := object.union(given, {"grants": [facts.grant("limit.few_calls", "budget_holder", ["holder@acme.example"])]})
	decision := main.decision with input as granted with data.remit.registry as asks
	decision.effect == "allow"
	{reserve.ceiling | some reserve in decision.reserve} == {9007199254740991}
	nobody := agent_with(object.union(few, {"do": "gate"}))
	{gate.role | some gate in gated(given, nobody)} == {"operator"}
}

test_limits_reach_the_decision if {
	asks := main.decision with input as facts.call({}) with data.remit.registry as agent_with(few)
	asks.effect == "allow"
	{reserve.counter | some reserve in asks.reserve} == {"agent/buyer/few-calls/1000"}
	given := full(facts.call({}), "agent/buyer/few-calls/1000", 5)
	refused := main.decision with input as given with data.remit.registry as agent_with(few)
	refused.effect == "deny"
	facts.codes(refused.reasons) == {"limit.exhausted"}
	gating := agent_with(object.union(few, {"do": "gate"}))
	gated_one := main.decision with input as given with data.remit.registry as gating
	facts.codes(gated_one.approvals) == {"limit.few_calls"}
}

test_neither_a_probe_nor_an_undo_is_counted if {
	reserved(facts.call({"purpose": "probe", "operation": "read"}), agent_with(few)) == set()
	given := full(facts.undo({}), "agent/buyer/few-calls/1000", 5)
	decision := main.decision with input as given with data.remit.registry as agent_with(few)
	decision.effect == "allow"
	count(decision.reserve) == 0
}
