package remit.domains.finance.scopes_test

import rego.v2

import data.remit.domains.finance.scopes
import data.remit.lib.fixtures_test as facts

test_a_scope_permits if {
	permits := scopes.permits with input as facts.call({"domain": "finance"}) with data.remit.registry as facts.registry
	facts.codes(permits) == {"finance.scoped"}
}

test_no_scope_permits_nothing if {
	registry := {"agents": {"buyer": {"scopes": ["finance.read", "other.*"]}}}
	permits := scopes.permits with input as facts.call({"domain": "finance"}) with data.remit.registry as registry
	permits == set()
}
