package remit.admission_test

import rego.v2

import data.remit.admission
import data.remit.lib.fixtures_test as facts
import data.remit.main

decide(given) := decision if {
	decision := main.decision with input as given with data.remit.registry as facts.registry
}

test_a_sound_plan_is_admitted if {
	decision := decide(facts.admission([{}, {"operation": "spend", "tool": "finance.pay@1"}]))
	decision.effect == "allow"
	facts.codes(decision.permits) == {"plan.permitted"}
	decision.proposed_digest == null
	decision.risk == "high"
	decision.approvals == []
}

test_history_and_run_may_stand if {
	given := object.union(facts.admission([{}]), {"history": facts.history, "run": facts.run})
	decide(given).effect == "allow"
}

test_an_empty_plan_is_not if {
	decision := decide(facts.admission([]))
	facts.codes(decision.reasons) == {"plan.empty"}
}

test_guardrails_refuse_it if {
	decision := decide(facts.admission([{"has_undo": false}]))
	decision.effect == "deny"
	facts.codes(decision.reasons) == {"plan.undo_missing"}
}

test_a_domain_refuses_it if {
	decision := main.decision with input as facts.admission([{}])
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.fields as {"plan_denies": {{"code": "crm.no", "policy": "x", "message": ""}}}
	facts.codes(decision.reasons) == {"crm.no"}
}

test_only_plans_of_active_agents_are_permitted if {
	every agent in ["sleeper", "nobody"] {
		given := object.union(facts.admission([{}]), {"principal": {"agent": agent}})
		permits := admission.permits with input as given with data.remit.registry as facts.registry
		permits == set()
	}
}

started(starter, changes) := codes if {
	given := object.union(facts.admission([{}]), {"principal": object.union({"verified": true, "starter": starter}, changes)})
	decision := main.decision with input as given with data.remit.registry as starters
	codes := {code | some code in facts.codes(decision.reasons); startswith(code, "plan.starter")}
}

starters := object.union(facts.registry, {"people": {
	"svc:nightly": {"roles": [], "starts": {"agents": ["buyer", "reader"], "on_behalf_of": ["requester@acme.example"]}},
	"svc:other": {"roles": [], "starts": {"agents": ["reader"], "on_behalf_of": ["*"]}},
	"svc:foreign": {"roles": [], "tenants": ["other"], "starts": {"on_behalf_of": ["*"]}},
	"null@acme.example": {"roles": [], "starts": {"agents": null, "on_behalf_of": []}},
}})

test_names_are_proven_outside_light if {
	full := object.union(facts.admission([{}]), {"context": {"profile": "full"}})
	facts.codes(decide(full).reasons) == {"plan.unauthenticated"}
	proven := {"principal": {"verified": true, "starter": "requester@acme.example"}}
	decide(object.union(full, proven)).effect == "allow"
}

test_everybody_known_starts_for_themselves if {
	started("requester@acme.example", {}) == set()
	started("requester@acme.example", {"on_behalf_of": " Requester@ACME.example"}) == set()
	started("null@acme.example", {"on_behalf_of": "null@acme.example"}) == set()
}

test_nobody_starts_for_others_unasked if {
	started("holder@acme.example", {}) == {"plan.starter_for"}
	started("null@acme.example", {}) == {"plan.starter_for"}
	started("svc:nightly", {}) == set()
	started("svc:nightly", {"on_behalf_of": "holder@acme.example"}) == {"plan.starter_for"}
	started("svc:other", {"agent": "reader", "on_behalf_of": "holder@acme.example"}) == set()
}

test_a_starter_is_held_to_its_agents if {
	started("svc:other", {}) == {"plan.starter_agent"}
	started("svc:nightly", {"agent": "nobody"}) == {"plan.starter_agent"}
	started("svc:other", {"delegation": ["reader"]}) == set()
}

test_a_starter_is_known_and_of_the_tenant if {
	started("stranger@acme.example", {}) == {"plan.starter_unknown"}
	started("", {}) == {"plan.starter_unknown"}
	started("svc:foreign", {}) == {"plan.starter_tenant"}
}

test_a_name_that_is_not_proven_is_not_looked_at if {
	started("svc:foreign", {"verified": false}) == set()
	started("stranger@acme.example", {"verified": false}) == set()
}
