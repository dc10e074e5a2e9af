# What the example's own data makes of the domains that Remit ships.
package example.company_test

import rego.v2

import data.example.testing_test as testing
import data.remit.main

_update(fields) := testing.call(
	"crm.update_account@1", "write",
	{"account": "acc-1001", "fields": fields}, {}, {"agent": "crm-agent"},
)

test_ordinary_fields_are_changed_without_asking if {
	decision := main.decision with input as _update({"phone": "1", "name": "n", "segment": null})
	decision.effect == "allow"
}

test_commercial_fields_wait_for_the_account_owner if {
	every field in ["discount_bps", "credit_limit_micros", "payment_terms_days"] {
		decision := main.decision with input as _update({"phone": "1", field: 1})
		decision.effect == "require_approval"
		{gate.role | some gate in decision.approvals} == {"account_owner"}
	}
}

test_the_buyer_holds_a_budget_and_starts_no_subscription if {
	held := main.decision with input as testing.call("finance.reserve_budget@1", "write", {"amount_micros": 4200000000}, {}, {})
	billed := main.decision with input as testing.call("finance.activate_billing@1", "write", {}, {}, {})
	held.effect == "allow"
	testing.codes(billed.reasons) == {"agent.tool_not_listed"}
}

test_billing_is_the_billing_agents if {
	billed := main.decision with input as testing.call("finance.activate_billing@1", "write", {}, {}, {"agent": "billing-agent"})
	held := main.decision with input as testing.call("finance.reserve_budget@1", "write", {}, {}, {"agent": "billing-agent"})
	billed.effect == "allow"
	held.effect == "deny"
}

test_the_reporter_reads_and_does_nothing_else if {
	read := main.decision with input as testing.call("finance.get_budget@1", "read", {}, {}, {"agent": "reporter"})
	wrote := main.decision with input as testing.call("finance.release_budget@1", "write", {}, {}, {"agent": "reporter"})
	read.effect == "allow"
	wrote.effect == "deny"
}

test_calls_stay_on_the_tenants_hosts if {
	asked := testing.call("supplier.get_quote@1", "read", {}, {"destinations": ["elsewhere.example"]}, {})
	decision := main.decision with input as asked
	testing.codes(decision.reasons) == {"egress.host"}
}

test_another_tenant_has_no_agents_here if {
	asked := testing.call("supplier.get_quote@1", "read", {}, {}, {"tenant": "globex"})
	decision := main.decision with input as asked
	"agent.tenant" in testing.codes(decision.reasons)
}

# The global layer refuses a call without a scope, so only the set itself shows what a domain permits.
test_a_domain_permits_whom_its_scopes_cover if {
	every tool in ["erp.place_order@1", "identity.provision_access@1", "mail.notify@1", "supplier.confirm_order@1"] {
		asked := testing.call(tool, "delete", {}, {}, {"agent": "reporter"})
		permits := main.permits with input as asked
		permits == set()
	}
}
