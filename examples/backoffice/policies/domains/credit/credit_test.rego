package example.credit_test

import rego.v2

import data.example.testing_test as testing
import data.remit.domains.credit.limits
import data.remit.domains.credit.scopes
import data.remit.main

_by := {"agent": "credit-agent"}

# The second at which the calls of these tests are made.
_now := "1970-01-01T00:00:01Z"

_good := {
	"applicant": "a", "inquiry": "i", "amount_micros": 5000000000, "currency": "EUR",
	"region": "eu", "as_of": _now, "score": 700, "debt_bps": 6000, "flags": [],
}

_limit(changes) := testing.call("credit.set_limit@1", "write", object.union(_good, changes), {}, _by)

_inquiry(changes) := testing.call(
	"credit.open_inquiry@1", "write",
	object.union({"applicant": "a", "reference": "r", "region": "eu", "as_of": _now}, changes),
	{}, _by,
)

test_who_scores_well_gets_little_unasked if {
	decision := main.decision with input as _limit({})
	decision.effect == "allow"
	testing.codes(decision.permits) == {"credit.scoped"}
}

test_the_officer_is_asked_then_the_committee if {
	every changes in [{"score": 699}, {"score": 500}, {"amount_micros": 5000000001}, {"currency": "USD"}] {
		decision := main.decision with input as _limit(changes)
		decision.effect == "require_approval"
		some gate in decision.approvals
		[gate.code, gate.role, gate.then[0].role] == ["credit.review", "credit_officer", "risk_committee"]
		count(decision.approvals) == 1
	}
}

test_the_gate_says_why if {
	by_score := {gate.message | some gate in limits.gates} with input as _limit({"score": 699, "amount_micros": 5000000001})
	by_score == {"the score is below what is lent on without asking"}
	by_amount := {gate.message | some gate in limits.gates} with input as _limit({"amount_micros": 5000000001})
	by_amount == {"the amount is above what is lent without asking"}
}

# A read has no region, no file and no score, all of which would refuse a limit.
test_what_sets_no_limit_is_not_judged_as_one if {
	given := testing.call("credit.get_applicant@1", "read", {"applicant": "a"}, {}, _by)
	decision := main.decision with input as given
	decision.effect == "allow"
	gates := limits.gates with input as json.patch(_limit({"score": 500}), [{"op": "replace", "path": "/action/tool", "value": "credit.book@1"}])
	gates == set()
}

test_with_a_grant_the_limit_is_set if {
	asked := testing.granted(_limit({"score": 500}), "credit.review", "credit_officer", "credit.officer@acme.example")
	decision := main.decision with input as asked
	decision.effect == "allow"
}

test_no_score_and_no_grant_overturns_a_hard_rule if {
	every pair in [
		[{"flags": ["paid_late", "open_default"]}, "credit.barred"],
		[{"debt_bps": 6001}, "credit.overindebted"],
	] {
		asked := testing.granted(_limit(object.union({"score": 850}, pair[0])), "credit.review", "credit_officer", "credit.officer@acme.example")
		decision := main.decision with input as asked
		decision.effect == "deny"
		testing.codes(decision.reasons) == {pair[1]}
	}
}

test_other_marks_bar_nobody if {
	decision := main.decision with input as _limit({"flags": ["paid_late"]})
	decision.effect == "allow"
}

test_a_score_too_low_is_refused_unasked if {
	decision := main.decision with input as _limit({"score": 499})
	decision.effect == "deny"
	testing.codes(decision.reasons) == {"credit.score_too_low"}
}

test_what_is_not_stated_is_refused if {
	every pair in [
		["flags", "credit.barred"], ["debt_bps", "credit.overindebted"], ["score", "credit.score_too_low"],
		["region", "credit.residency"], ["as_of", "credit.stale"],
	] {
		call := _limit({})
		stated := object.remove(call.action.arguments, [pair[0]])
		lacking := json.patch(call, [{"op": "replace", "path": "/action/arguments", "value": stated}])
		decision := main.decision with input as lacking
		pair[1] in testing.codes(decision.reasons)
	}
}

test_without_bounds_nobody_is_lent_to if {
	decision := main.decision with input as _limit({}) with data.remit.registry.domains.credit as {}
	testing.codes(decision.reasons) == {"credit.barred", "credit.overindebted", "credit.score_too_low", "credit.stale"}
}

test_data_stays_in_its_region if {
	every call in [_inquiry({"region": "us"}), _limit({"region": "us"})] {
		decision := main.decision with input as call
		testing.codes(decision.reasons) == {"credit.residency"}
	}
}

test_a_call_without_a_region_is_nobodys if {
	call := _inquiry({"region": ""})
	decision := main.decision with input as json.patch(call, [{"op": "replace", "path": "/action/region", "value": ""}])
	"credit.residency" in testing.codes(decision.reasons)
}

test_data_is_used_while_it_is_fresh if {
	every pair in [
		[_now, set()],
		["1969-12-02T00:00:01Z", set()],
		["1969-12-02T00:00:00Z", {"credit.stale"}],
		["1970-01-01T00:00:02Z", {"credit.stale"}],
		["lately", {"credit.stale"}],
	] {
		every call in [_inquiry({"as_of": pair[0]}), _limit({"as_of": pair[0]})] {
			decision := main.decision with input as call
			testing.codes(decision.reasons) & {"credit.stale"} == pair[1]
		}
	}
}

test_what_was_done_is_undone_without_asking if {
	every tool in ["credit.close_inquiry@1", "credit.withdraw_limit@1", "credit.reverse_booking@1"] {
		decision := main.decision with input as testing.call(tool, "write", {}, {"direction": "undo", "rollback": true}, _by)
		decision.effect == "allow"
	}
}

test_others_have_no_part_in_it if {
	given := testing.call("credit.get_applicant@1", "read", {"applicant": "a"}, {}, {"agent": "reporter"})
	permits := scopes.permits with input as given
	permits == set()
	decision := main.decision with input as given
	decision.effect == "deny"
}
