package example.erp_test

import rego.v2

import data.example.testing_test as testing
import data.remit.main

_order(supplier, micros) := testing.call(
	"erp.place_order@1", "spend",
	{"supplier": supplier, "total_micros": micros, "currency": "EUR"},
	{"cost": {"micros": micros, "currency": "EUR"}}, {},
)

_delete := object.union(_delete_unarchived, {"history": {"on_resource": ["erp.archive_record@1"]}})

_delete_unarchived := testing.call(
	"erp.delete_record@1", "delete", {"record": "rec-77"},
	{"irreversible": true, "resource": "erp:rec-77"}, {},
)

test_an_order_waits_for_the_budget_holder if {
	decision := main.decision with input as _order("sup-7", 4200000000)
	decision.effect == "require_approval"
	{gate.role | some gate in decision.approvals} == {"budget_holder"}
}

test_a_large_order_waits_for_a_finance_approver_too if {
	decision := main.decision with input as _order("sup-7", 11200000000)
	{gate.role | some gate in decision.approvals} == {"budget_holder", "finance_approver"}
}

test_an_approved_order_goes_through if {
	asked := _order("sup-7", 4200000000)
	decision := main.decision with input as testing.granted(asked, "operation.spend", "budget_holder", "budget.holder@acme.example")
	decision.effect == "allow"
	count(decision.reserve) == 1
}

test_whoever_asked_does_not_approve if {
	asked := _order("sup-7", 4200000000)
	decision := main.decision with input as testing.granted(asked, "operation.spend", "budget_holder", "requester@acme.example")
	decision.effect == "require_approval"
}

test_every_supplier_that_is_not_vetted_is_refused if {
	every supplier in ["sup-9", "SUP-7", "", null, ["sup-7"]] {
		decision := main.decision with input as _order(supplier, 1)
		testing.codes(decision.reasons) == {"erp.supplier_not_vetted"}
	}
}

test_an_order_without_a_supplier_is_refused if {
	asked := testing.call("erp.place_order@1", "spend", {}, {}, {})
	decision := main.decision with input as asked
	"erp.supplier_not_vetted" in testing.codes(decision.reasons)
}

test_a_deletion_waits_for_the_data_owner if {
	decision := main.decision with input as _delete
	decision.effect == "require_approval"
	{gate.role | some gate in decision.approvals} == {"data_owner"}
}

test_nothing_is_deleted_without_an_archive_copy if {
	decision := main.decision with input as _delete_unarchived
	decision.effect == "deny"
	testing.codes(decision.reasons) == {"sequence.archive_first"}
}

test_an_order_is_cancelled_without_asking if {
	undo := {"direction": "undo", "rollback": true}
	decision := main.decision with input as testing.call("erp.cancel_order@1", "write", {"order": "o"}, undo, {})
	decision.effect == "allow"
}

test_other_agents_may_not_order if {
	every agent in ["crm-agent", "reporter", "onboarding-agent", "billing-agent", "identity-agent"] {
		asked := testing.call("erp.place_order@1", "spend", {"supplier": "sup-7"}, {}, {"agent": agent})
		decision := main.decision with input as asked
		decision.effect == "deny"
		"agent.scope_missing" in testing.codes(decision.reasons)
	}
}
