package remit.global.fields_test

import rego.v2

import data.remit.global.fields
import data.remit.lib.fixtures_test as facts
import data.remit.main

registry(table) := object.union(facts.registry, {"agents": {"buyer": {"fields": {"finance.book@1": table}}}})

denied(table, arguments) := facts.codes(_denies(table, {"arguments": arguments}))

_denies(table, changes) := reasons if {
	reasons := fields.denies with input as facts.call(changes)
		with data.remit.registry as registry(table)
}

messages(table, arguments) := {one.message | some one in _denies(table, {"arguments": arguments})}

table := {"set": ["/amount", "/lines/*/sku", "/owner", "/a~1b"]}

test_listed_members_are_set if {
	denied(table, {}) == set()
	denied(table, {"amount": 5}) == set()
	denied(table, {"lines": [{"sku": "a"}, {"sku": "b"}]}) == set()
	denied(table, {"owner": {"name": "x", "mail": {"work": "y"}}}) == set()
	denied(table, {"a/b": 1}) == set()
}

test_others_are_not_and_are_named if {
	messages(table, {"amount": 5, "iban": "DE"}) == {"buyer may not set /iban with finance.book@1"}
	messages(table, {"lines": [{"sku": "a"}, {"margin": 5}]}) == {"buyer may not set /lines/1/margin with finance.book@1"}
	denied(table, {"amount": 5, "iban": "DE"}) == {"field.not_settable"}
}

# Without anything below them they still are members.
test_empty_members_count if {
	denied(table, {"iban": {}}) == {"field.not_settable"}
	denied(table, {"lines": []}) == {"field.not_settable"}
	denied(table, {"iban": null}) == {"field.not_settable"}
}

test_what_begins_alike_is_another_member if denied(table, {"amounts": 5}) == {"field.not_settable"}

test_an_empty_list_lets_nothing_be_set if {
	denied({"set": []}, {"amount": 5}) == {"field.not_settable"}
	denied({"set": []}, {}) == {"field.not_settable"}
}

test_without_a_list_nothing_is_bounded if {
	denied({}, {"iban": "DE"}) == set()
	denied({"read": ["/id"]}, {"iban": "DE"}) == {"field.read_of_effect"}
}

test_null_is_no_list if {
	denied({"set": null, "read": null}, {"iban": "DE"}) == set()
	given := facts.call({"operation": "read"})
	decision := main.decision with input as given with data.remit.registry as registry({"read": null})
	decision.effect == "allow"
	decision.obligations == set()
}

test_a_list_that_goes_deeper_covers_nothing_above if {
	denied({"set": ["/owner/name/first"]}, {"owner": {"name": "x"}}) == {"field.not_settable"}
}

test_only_calls_of_the_step_are_bounded if {
	_denies(table, {"purpose": "probe", "arguments": {"iban": "DE"}}) == set()
}

test_another_tool_is_not_bounded if {
	_denies(table, {"tool": "finance.other@1", "arguments": {"iban": "DE"}}) == set()
}

test_answers_of_reads_are_bounded if {
	given := facts.call({"operation": "read"})
	decision := main.decision with input as given with data.remit.registry as registry({"read": ["/id"]})
	decision.effect == "allow"
	decision.obligations == {{"type": "keep", "critical": true, "paths": ["/id"]}}
}

test_answers_are_not_bounded_without_a_list if {
	given := facts.call({"operation": "read"})
	decision := main.decision with input as given with data.remit.registry as registry(table)
	decision.obligations == set()
}

test_the_decision_denies_a_member if {
	given := facts.call({"arguments": {"iban": "DE"}})
	decision := main.decision with input as given with data.remit.registry as registry(table)
	facts.codes(decision.reasons) == {"field.not_settable"}
}
