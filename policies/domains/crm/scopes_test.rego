package remit.domains.crm.scopes_test

import rego.v2

import data.remit.domains.crm.scopes
import data.remit.lib.fixtures_test as facts

test_a_scope_permits if {
	permits := scopes.permits with input as facts.call({"domain": "crm"}) with data.remit.registry as facts.registry
	facts.codes(permits) == {"crm.scoped"}
}

test_no_scope_permits_nothing if {
	registry := {"agents": {"buyer": {"scopes": ["crm.read", "other.*"]}}}
	permits := scopes.permits with input as facts.call({"domain": "crm"}) with data.remit.registry as registry
	permits == set()
}
