package example.mail_test

import rego.v2

import data.example.testing_test as testing
import data.remit.main

_notice(to) := testing.call("mail.notify@1", "write", {"to": to, "subject": "s"}, {}, {})

test_our_own_people_get_notices_unasked if {
	every to in ["workplace@acme.example", "Workplace@ACME.example", " a@acme.example "] {
		decision := main.decision with input as _notice(to)
		decision.effect == "allow"
	}
}

test_nobody_else_gets_a_notice if {
	every to in ["a@b.example", "a@acme.example.evil", "a@evil@acme.example", "acme.example", "", null, ["a@acme.example"]] {
		decision := main.decision with input as _notice(to)
		decision.effect == "deny"
		testing.codes(decision.reasons) == {"mail.notice_to_outsider"}
	}
}

test_a_notice_without_a_recipient_is_refused if {
	decision := main.decision with input as testing.call("mail.notify@1", "write", {}, {}, {})
	"mail.notice_to_outsider" in testing.codes(decision.reasons)
}

test_a_correction_follows_its_notice_anywhere if {
	undo := {"direction": "undo", "rollback": true}
	asked := testing.call("mail.notify@1", "write", {"to": "former@b.example", "subject": "s"}, undo, {})
	decision := main.decision with input as asked
	decision.effect == "allow"
}

test_what_leaves_the_company_waits_for_somebody if {
	send := {"irreversible": true}
	asked := testing.call("mail.send@1", "write", {"to": "a@b.example"}, send, {"agent": "onboarding-agent"})
	decision := main.decision with input as asked
	decision.effect == "require_approval"
	{gate.role | some gate in decision.approvals} == {"operator"}
}

test_what_follows_our_own_domain_does_not_make_it_ours if {
	decision := main.decision with input as _notice("a@acme.example@evil.example")
	testing.codes(decision.reasons) == {"mail.notice_to_outsider"}
}
