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
