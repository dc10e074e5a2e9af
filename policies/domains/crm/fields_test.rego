package remit.domains.crm.fields_test

import rego.v2

import data.remit.domains.crm.fields
import data.remit.lib.fixtures_test as facts
import data.remit.main

call(arguments) := json.patch(facts.call({"domain": "crm", "tool": "crm.update@1"}), [{
	"op": "replace",
	"path": "/action/arguments",
	"value": arguments,
}])

decide(arguments) := decision if {
	decision := main.decision with input as call(arguments) with data.remit.registry as facts.registry
}

test_plain_fields_pass if decide({"account": "a-1", "fields": {"phone": "1"}}).effect == "allow"

test_commercial_fields_wait_for_the_account_owner if {
	every arguments in [
		{"discount": 5},
		{"account": "a-1", "fields": {"phone": "1", "discount": 5}},
		{"changes": [{"field": "discount", "value": 5}]},
	] {
		decision := decide(arguments)
		decision.effect == "require_approval"
		{[gate.code, gate.role] | some gate in decision.approvals} == {["crm.commercial_field", "account_owner"]}
	}
}

test_reading_them_does_not if {
	given := json.patch(call({"fields": ["discount"]}), [{"op": "replace", "path": "/action/operation", "value": "read"}])
	decision := main.decision with input as given with data.remit.registry as facts.registry
	decision.effect == "allow"
}

test_hidden_fields_are_redacted if {
	registry := object.union(facts.registry, {"domains": {"crm": {"redact_fields": ["iban", "a/b~c"]}}})
	decision := main.decision with input as call({"list": [{"iban": "DE1"}], "a/b~c": 1, "phone": "2"})
		with data.remit.registry as registry
	decision.effect == "allow"
	decision.obligations == {{"type": "redact", "critical": true, "paths": ["/a~1b~0c", "/list/0/iban"]}}
}

test_without_bounds_it_is_denied if {
	reasons := fields.denies with input as call({}) with data.remit.defaults.domains as {} with data.remit.registry as {}
	facts.codes(reasons) == {"crm.unbounded"}
	bounded := fields.denies with input as call({})
	bounded == set()
}

test_values_that_are_no_names_touch_nothing if {
	registry := object.union(facts.registry, {"domains": {"crm": {"commercial_fields": ["1", "discount"]}}})
	decision := main.decision with input as call({"phone": 1}) with data.remit.registry as registry
	decision.effect == "allow"
}

test_nothing_to_hide_is_no_obligation if {
	registry := object.union(facts.registry, {"domains": {"crm": {"redact_fields": ["iban"]}}})
	given := call({"phone": "1"})
	fields.obligations == set() with input as given with data.remit.registry as registry
	fields.obligations != set() with input as call({"iban": "x"}) with data.remit.registry as registry
}
