package remit.promotion_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main

decide(given) := decision if {
	decision := main.decision with input as given with data.remit.registry as facts.registry with data.remit.revision as facts.digest
}

refused(given) := facts.codes(decide(given).reasons) if decide(given).effect == "deny"

permitted(given) := facts.codes(decide(given).permits) if decide(given).effect == "allow"

test_a_candidate_that_permits_no_more_is_promoted if {
	permitted(facts.promotion({})) == {"promotion.permitted"}
	permitted(facts.promotion({"breaks": 3, "gates": 2})) == {"promotion.permitted"}
}

test_one_that_widens_needs_somebody_else if {
	every change in [{"widens": 1}, {"widens_data": ["agents.buyer.scopes + erp.spend"]}, {"decisions": 0}] {
		refused(facts.promotion(change)) == {"promotion.approval_missing"}
		own := object.union(change, {"approvers": ["author@acme.example"]})
		refused(facts.promotion(own)) == {"promotion.approval_missing"}
		other := object.union(change, {"approvers": ["author@acme.example", "owner@acme.example"]})
		permitted(facts.promotion(other)) == {"promotion.permitted"}
	}
}

test_the_author_under_another_spelling_is_the_author if {
	given := facts.promotion({"widens": 1, "by": " OWNER@acme.example", "approvers": ["owner@acme.example"]})
	known := {"people": {" OWNER@acme.example": {"roles": []}}}
	decision := main.decision with input as given with data.remit.registry as object.union(facts.registry, known) with data.remit.revision as facts.digest
	facts.codes(decision.reasons) == {"promotion.approval_missing"}
}

test_an_approver_needs_the_role if {
	every by in ["operator@acme.example", "nobody@acme.example", ""] {
		refused(facts.promotion({"widens": 1, "approvers": [by]})) == {"promotion.approval_missing"}
	}
}

test_the_role_is_data if {
	given := facts.promotion({"widens": 1, "approvers": ["operator@acme.example"]})
	own := object.union(facts.registry, {"thresholds": {"promotion": {"role": "operator"}}})
	decision := main.decision with input as given with data.remit.registry as own with data.remit.revision as facts.digest
	decision.effect == "allow"
}

test_one_that_stops_much_work_needs_somebody_else if {
	every pair in [["breaks", "max_breaks"], ["gates", "max_gates"]] {
		every found in [[3, {"promotion.disrupts"}], [2, set()]] {
			own := object.union(facts.registry, {"thresholds": {"promotion": {pair[1]: 2}}})
			decision := main.decision with input as facts.promotion({pair[0]: found[0]}) with data.remit.registry as own with data.remit.revision as facts.digest
			{code | some code in facts.codes(decision.reasons); decision.effect == "deny"} == found[1]
			approved := facts.promotion({pair[0]: found[0], "approvers": ["owner@acme.example"]})
			allowed := main.decision with input as approved with data.remit.registry as own with data.remit.revision as facts.digest
			allowed.effect == "allow"
		}
	}
}

test_no_bound_on_what_a_candidate_stops_is_none if {
	own := object.union(facts.registry, {"thresholds": {"promotion": {"max_breaks": null, "max_gates": null}}})
	decision := main.decision with input as facts.promotion({"breaks": 9, "gates": 9}) with data.remit.registry as own with data.remit.revision as facts.digest
	decision.effect == "allow"
}

test_errors_refuse_whoever_approved if {
	refused(facts.promotion({"errors": 1, "approvers": ["owner@acme.example"]})) == {"promotion.errors"}
}

test_what_cannot_be_reproduced_refuses if {
	refused(facts.promotion({"unreproducible": 1, "approvers": ["owner@acme.example"]})) == {"promotion.unreproducible"}
}

test_a_report_about_other_policies_refuses if {
	refused(facts.promotion({"base": facts.other_digest})) == {"promotion.other_base"}
}

test_without_a_revision_nothing_is_promoted if {
	decision := main.decision with input as facts.promotion({}) with data.remit.registry as facts.registry
	facts.codes(decision.reasons) == {"promotion.other_base"}
}

test_a_report_counts_for_a_day if {
	permitted(facts.promotion({"report_age_ms": 86400000})) == {"promotion.permitted"}
	refused(facts.promotion({"report_age_ms": 86400001})) == {"promotion.stale_report"}
}

test_an_unknown_author if {
	refused(facts.promotion({"by": "nobody@acme.example"})) == {"promotion.unknown_person"}
}

test_a_claimed_name_is_not_enough_elsewhere if {
	given := object.union(facts.promotion({}), {"context": {"profile": "full"}})
	refused(given) == {"promotion.unverified"}
	permitted(object.union(given, {"promotion": {"verified": true}})) == {"promotion.permitted"}
}

test_malformed_facts_promote_nothing if {
	some code in refused(object.union(facts.promotion({}), {"promotion": {"widens": "0"}}))
	startswith(code, "input.")
	count(refused(object.union(facts.base, {"kind": "promotion", "principal": null}))) > 0
}
