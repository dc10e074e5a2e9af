package example.analytics_test

import rego.v2

import data.example.testing_test as testing
import data.remit.domains.analytics.scopes
import data.remit.main

_by := {"agent": "analytics-agent"}

_transfer(to, region) := object.union(
	testing.call("analytics.transfer_extract@1", "write", {"extract": "e", "to_region": to}, {"region": region}, _by),
	{"plan": {"regions": ["eu", "us"]}},
)

test_raw_data_leaves_by_leave_of_the_officer if {
	decision := main.decision with input as _transfer("us", "us")
	decision.effect == "require_approval"
	{[gate.code, gate.role] | some gate in decision.approvals} == {["analytics.raw_transfer", "data_protection_officer"]}
}

test_with_it_the_data_goes if {
	asked := testing.granted(_transfer("us", "us"), "analytics.raw_transfer", "data_protection_officer", "privacy.officer@acme.example")
	decision := main.decision with input as asked
	decision.effect == "allow"
}

test_raw_data_goes_nowhere_else if {
	every pair in [["cn", "us"], ["eu", "eu"], [null, "us"], ["us", "eu"]] {
		decision := main.decision with input as _transfer(pair[0], pair[1])
		"analytics.region" in testing.codes(decision.reasons)
	}
}

test_what_stays_is_asked_of_nobody if {
	every call in [["analytics.stage_extract@1", "write"], ["analytics.aggregate_accounts@1", "read"]] {
		decision := main.decision with input as testing.call(call[0], call[1], {"region": "eu"}, {}, _by)
		decision.effect == "allow"
		testing.codes(decision.permits) == {"analytics.scoped"}
	}
}

test_a_transfer_is_called_back_without_asking if {
	undo := {"direction": "undo", "rollback": true, "region": "us"}
	decision := main.decision with input as testing.call("analytics.recall_transfer@1", "write", {"transfer": "t"}, undo, _by)
	decision.effect == "allow"
}

test_others_have_no_part_in_it if {
	decision := main.decision with input as testing.call("analytics.stage_extract@1", "write", {"region": "eu"}, {}, {})
	decision.effect == "deny"
}

test_an_agent_without_the_scope_reads_nothing if {
	given := testing.call("analytics.aggregate_accounts@1", "read", {"region": "eu"}, {}, {"agent": "crm-agent"})
	permits := scopes.permits with input as given
	permits == set()
	decision := main.decision with input as given
	decision.effect == "deny"
}
