package remit.approvals_test

import rego.v2

import data.remit.approvals
import data.remit.lib.fixtures_test as facts
import data.remit.main

decide(given) := decision if {
	decision := main.decision with input as given with data.remit.registry as facts.registry
}

refused(given) := facts.codes(decide(given).reasons) if decide(given).effect == "deny"

gate := {
	"code": "operation.spend",
	"role": "budget_holder",
	"quorum": 1,
	"expires_in_ms": 5,
	"policy": "x",
	"message": "",
}

met(changes, asked) if {
	voters := object.get(changes, "by", ["holder@acme.example"])
	grant := object.union(facts.grant("operation.spend", "budget_holder", voters), changes)
	approvals.met(object.union(gate, asked)) with input as object.union(facts.call({}), {"grants": [grant]})
		with data.remit.registry as facts.registry
}

test_a_vote_of_the_right_role if {
	facts.codes(decide(facts.vote("holder@acme.example", "budget_holder")).permits) == {"vote.permitted"}
}

test_a_vote_of_an_unknown_person if {
	refused(facts.vote("nobody@acme.example", "budget_holder")) == {"vote.unknown_person"}
	refused(facts.vote("", "budget_holder")) == {"vote.unknown_person"}
}

test_a_vote_of_the_wrong_role if {
	refused(facts.vote("clerk@acme.example", "budget_holder")) == {"vote.role_missing"}
}

test_a_vote_of_another_tenant if {
	refused(facts.vote("foreign@other.example", "budget_holder")) == {"vote.tenant"}
}

test_nobody_approves_what_they_asked_for if {
	refused(facts.vote("requester@acme.example", "budget_holder")) == {"vote.self_approval"}
	refused(facts.vote("buyer", "budget_holder")) == {"vote.self_approval"}
	refused(facts.vote("buyer@1.4.0", "budget_holder")) == {"vote.self_approval", "vote.unknown_person"}
}

test_nobody_approves_what_they_handed_down if {
	every above in ["holder@acme.example", "Holder@acme.example "] {
		given := object.union(
			facts.vote("holder@acme.example", "budget_holder"),
			{"principal": {"delegation": ["lead", above]}},
		)
		refused(given) == {"vote.self_approval"}
	}
}

test_who_handed_nothing_down_approves if {
	given := object.union(facts.vote("holder@acme.example", "budget_holder"), {"principal": {"delegation": ["lead"]}})
	decide(given).effect == "allow"
}

test_case_does_not_make_another_person if {
	given := object.union(
		facts.vote("holder@acme.example", "budget_holder"),
		{"principal": {"on_behalf_of": " Holder@ACME.example"}},
	)
	refused(given) == {"vote.self_approval"}
}

test_a_late_vote if {
	given := object.union(facts.vote("holder@acme.example", "budget_holder"), {"context": {"now_ms": 1000001}})
	refused(given) == {"vote.gate_expired"}
}

test_unproven_names_count_in_light_alone if {
	full := object.union(facts.vote("holder@acme.example", "budget_holder"), {"context": {"profile": "full"}})
	refused(full) == {"vote.unverified"}
	decide(object.union(full, {"vote": {"verified": true}})).effect == "allow"
}

test_a_person_without_roles if {
	given := facts.vote("a@b.example", "budget_holder")
	decision := main.decision with input as given with data.remit.registry as {"people": {"a@b.example": {}}}
	facts.codes(decision.reasons) == {"vote.role_missing"}
}

test_a_grant_meets_its_gate if met({}, {})

test_a_grant_for_something_else_does_not if {
	not met({"code": "operation.delete"}, {})
	not met({"role": "data_owner"}, {})
	not met({"proposed_digest": facts.other_digest}, {})
	not met({"expires_ms": 1000000}, {})
	not met({}, {"role": "data_owner"})
	not met({}, {"quorum": 2})
}

test_distinct_people_make_a_quorum if {
	met({"by": ["holder@acme.example", "second@acme.example"]}, {"quorum": 2})
	not met({"by": ["holder@acme.example", "holder@acme.example"]}, {"quorum": 2})
}

test_voters_are_judged_again if {
	not met({"by": ["requester@acme.example"]}, {})
	not met({"by": ["buyer"]}, {})
	not met({"by": ["clerk@acme.example"]}, {})
	not met({"by": ["nobody@acme.example"]}, {})
	not met({"by": ["foreign@other.example"]}, {})
	not met({"by": []}, {})
	not met({"by": ["holder@acme.example", "requester@acme.example"]}, {"quorum": 2})
}

test_a_stranger_is_permitted_nothing_in_anybodys_place if {
	given := handed("nobody@acme.example", "holder@acme.example")
	permits := approvals.permits with input as given with data.remit.registry as facts.registry
	permits == set()
}

test_only_the_right_role_is_permitted if {
	every given in [facts.vote("clerk@acme.example", "budget_holder"), facts.vote("nobody@acme.example", "budget_holder")] {
		permits := approvals.permits with input as given with data.remit.registry as facts.registry
		permits == set()
	}
}

test_later_roles_answer_too if {
	late := {"vote": {"gate": {"roles": ["budget_holder", "committee"]}}}
	given := object.union(facts.vote("clerk@acme.example", "budget_holder"), late)
	refused(given) == {"vote.role_missing"}
	decision := main.decision with input as given
		with data.remit.registry as object.union(facts.registry, {"people": {"clerk@acme.example": {"roles": ["committee"]}}})
	decision.effect == "allow"
}

test_a_later_roles_voter_makes_a_grant if {
	later := {"then": [{"role": "committee", "after_ms": 5}]}
	people := object.union(facts.registry, {"people": {"clerk@acme.example": {"roles": ["committee"]}}})
	grant := facts.grant("operation.spend", "budget_holder", ["clerk@acme.example"])
	given := object.union(facts.call({}), {"grants": [grant]})
	approvals.met(object.union(gate, later)) with input as given with data.remit.registry as people
	not approvals.met(gate) with input as given with data.remit.registry as people
}

handed(by, holder) := object.union(facts.vote(by, "budget_holder"), {"vote": {"instead_of": holder}})

test_a_vote_in_somebodys_place if {
	decide(handed("clerk@acme.example", "holder@acme.example")).effect == "allow"
	refused(handed("clerk@acme.example", "clerk@acme.example")) == {"vote.role_missing"}
	refused(handed("holder@acme.example", "clerk@acme.example")) == {"vote.role_missing"}
	refused(handed("nobody@acme.example", "holder@acme.example")) == {"vote.unknown_person"}
	refused(handed("requester@acme.example", "holder@acme.example")) == {"vote.self_approval"}
	refused(handed("clerk@acme.example", "foreign@other.example")) == {"vote.handed_over"}
	"vote.handed_over" in refused(handed("clerk@acme.example", "nobody@acme.example"))
	"vote.handed_over" in refused(handed("clerk@acme.example", "requester@acme.example"))
}

test_a_place_that_was_handed_over_makes_a_grant if {
	met({"by": ["clerk@acme.example"], "instead_of": ["holder@acme.example"]}, {})
	not met({"by": ["clerk@acme.example"], "instead_of": ["clerk@acme.example"]}, {})
	not met({"by": ["nobody@acme.example"], "instead_of": ["holder@acme.example"]}, {})
	not met({"by": ["requester@acme.example"], "instead_of": ["holder@acme.example"]}, {})
	not met({"by": ["clerk@acme.example"], "instead_of": ["requester@acme.example"]}, {})
	not met({"by": ["clerk@acme.example"], "instead_of": ["foreign@other.example"]}, {})
}

test_who_may_be_handed_a_vote if {
	every to in ["nobody@acme.example", "requester@acme.example", "foreign@other.example", ""] {
		given := object.union(
			facts.vote("holder@acme.example", "budget_holder"),
			{"vote": {"verdict": "delegate", "to": to}},
		)
		refused(given) == {"vote.delegate"}
	}
	sound := {"vote": {"verdict": "delegate", "to": "clerk@acme.example"}}
	decide(object.union(facts.vote("holder@acme.example", "budget_holder"), sound)).effect == "allow"
}

test_an_edit_does_not_widen if {
	vote := facts.vote("holder@acme.example", "budget_holder")
	edit := {"vote": {"verdict": "edit"}}
	decide(object.union(vote, edit)).effect == "allow"
	refused(object.union(vote, {"vote": {"verdict": "edit", "costs_more": true}})) == {"vote.edit_widens"}
	refused(object.union(vote, {"vote": {"verdict": "edit", "other_resource": true}})) == {"vote.edit_elsewhere"}
}
