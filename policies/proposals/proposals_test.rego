package remit.proposals_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main
import data.remit.proposals

decide(given) := decision if {
	decision := main.decision with input as given with data.remit.registry as facts.registry
}

refused(given) := facts.codes(decide(given).reasons) if decide(given).effect == "deny"

permitted(given) := facts.codes(decide(given).permits) if decide(given).effect == "allow"

of_agent(agent) := object.union(facts.proposal({}), {"principal": {"agent": agent}})

costing(cost, budget) := object.union(facts.proposal({"cost": cost}), {"budget": budget})

test_an_agent_with_the_scope_has_plans_proposed if permitted(facts.proposal({})) == {"proposal.permitted"}

test_nobody_else_has if {
	refused(of_agent("reader")) == {"proposal.scope_missing"}
	refused(of_agent("nobody")) == {"agent.unknown"}
	"agent.not_active" in refused(of_agent("sleeper"))
}

test_only_the_scope_permits if {
	every agent in ["reader", "nobody", "sleeper"] {
		permits := proposals.permits with input as of_agent(agent) with data.remit.registry as facts.registry
		permits == set()
	}
}

test_tools_of_a_domain_are_no_scope_to_propose if {
	registry := object.union(facts.registry, {"agents": {"buyer": {"scopes": ["finance.*", "plan.read"]}}})
	decision := main.decision with input as facts.proposal({}) with data.remit.registry as registry
	facts.codes(decision.reasons) == {"proposal.scope_missing"}
}

test_without_a_registry_nobody_has if {
	decision := main.decision with input as facts.proposal({}) with data.remit.registry as {}
	facts.codes(decision.reasons) == {"agent.unknown"}
}

test_another_tenant_has_not if {
	refused(object.union(facts.proposal({}), {"principal": {"tenant": "other"}})) == {"agent.tenant"}
}

test_whoever_asks_is_held_to_what_they_may_start if {
	full := object.union(facts.proposal({}), {"context": {"profile": "full"}})
	refused(full) == {"plan.unauthenticated"}
	proven := {"principal": {"verified": true, "starter": "requester@acme.example"}}
	permitted(object.union(full, proven)) == {"proposal.permitted"}
	other := {"principal": {"verified": true, "starter": "holder@acme.example"}}
	refused(object.union(full, other)) == {"plan.starter_for"}
}

test_rounds_end if {
	permitted(facts.proposal({"round": 4})) == {"proposal.permitted"}
	refused(facts.proposal({"round": 5})) == {"proposal.rounds"}
}

test_money_ends if {
	permitted(costing({"micros": 40}, {"limit_micros": 100, "spent_micros": 60})) == {"proposal.permitted"}
	refused(costing({"micros": 41}, {"limit_micros": 100, "spent_micros": 60})) == {"proposal.budget"}
	permitted(costing({"micros": 41}, {"limit_micros": null, "spent_micros": 60})) == {"proposal.permitted"}
}

test_another_currency_is_denied if {
	refused(costing({"micros": 1, "currency": "USD"}, {})) == {"proposal.currency"}
	permitted(costing({"micros": 0, "currency": ""}, {})) == {"proposal.permitted"}
}

test_without_a_currency_of_ours_what_costs_is_denied if {
	given := costing({"micros": 1}, {})
	decision := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.defaults.thresholds as {}
	"proposal.currency" in facts.codes(decision.reasons)
}

test_a_domain_cannot_permit_it if {
	decision := main.decision with input as of_agent("reader")
		with data.remit.registry as facts.registry
		with data.remit.domains.plan.x as {"permits": {{"code": "a.b", "policy": "x", "message": ""}}}
	decision.effect == "deny"
}
