package example.identity_test

import rego.v2

import data.example.testing_test as testing
import data.remit.main

_grant(arguments) := testing.call("identity.provision_access@1", "write", arguments, {}, {"agent": "identity-agent"})

test_ordinary_access_is_given_without_asking if {
	every role in ["reader", "member"] {
		decision := main.decision with input as _grant({"subject": "a@b.example", "role": role})
		decision.effect == "allow"
	}
}

test_high_privileges_wait_for_security if {
	every arguments in [{"role": "admin"}, {"role": null}, {"role": ["member"]}, {}] {
		decision := main.decision with input as _grant(object.union({"subject": "a@b.example"}, arguments))
		decision.effect == "require_approval"
		{gate.role | some gate in decision.approvals} == {"security_officer"}
	}
}

test_nobody_has_access_given_to_themselves if {
	decision := main.decision with input as _grant({"subject": " Requester@ACME.example", "role": "reader"})
	decision.effect == "deny"
	testing.codes(decision.reasons) == {"identity.self_grant"}
}

test_access_is_revoked_without_asking if {
	undo := {"direction": "undo", "rollback": true}
	asked := testing.call("identity.revoke_access@1", "write", {"grant": "g"}, undo, {"agent": "identity-agent"})
	decision := main.decision with input as asked
	decision.effect == "allow"
}

test_a_buyer_gives_no_access if {
	asked := testing.call("identity.provision_access@1", "write", {"subject": "a@b.example", "role": "reader"}, {}, {})
	decision := main.decision with input as asked
	decision.effect == "deny"
}

test_only_giving_access_is_asked_about if {
	arguments := {"subject": "requester@acme.example", "role": "admin"}
	asked := testing.call("identity.revoke_access@1", "write", arguments, {}, {"agent": "identity-agent"})
	decision := main.decision with input as asked
	decision.effect == "allow"
}
