package example.supplier_test

import rego.v2

import data.example.testing_test as testing
import data.remit.main

test_the_buyer_asks_for_quotes if {
	decision := main.decision with input as testing.call("supplier.get_quote@1", "read", {"supplier": "sup-7"}, {}, {})
	decision.effect == "allow"
	testing.codes(decision.permits) == {"supplier.scoped"}
}

test_the_buyer_has_orders_confirmed if {
	decision := main.decision with input as testing.call("supplier.confirm_order@1", "trigger", {"order": "o"}, {}, {})
	decision.effect == "allow"
}

test_the_crm_agent_does_not if {
	call := testing.call("supplier.confirm_order@1", "trigger", {"order": "o"}, {}, {"agent": "crm-agent"})
	decision := main.decision with input as call
	decision.effect == "deny"
	"agent.scope_missing" in testing.codes(decision.reasons)
}
