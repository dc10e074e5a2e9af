package remit.global.facts_test

import rego.v2

import data.remit.global.facts
import data.remit.lib.fixtures_test as given
import data.remit.lib.shape

codes(one) := {finding.code | some finding in findings} if findings := facts.findings with input as one

test_whole_facts_are_well_formed if {
	every one in [
		given.call({}), given.undo({}),
		given.admission([{}]),
		given.system("remit.admit", "orchestrate", "ExecutePlan"),
		given.vote("holder@acme.example", "budget_holder"),
	] {
		shape.well_formed with input as one
	}
}

test_absent_part if "input.missing" in codes(object.remove(given.call({}), ["budget"]))

test_null_part if "input.missing" in codes(object.union(given.call({}), {"plan": null}))

test_absent_fact if {
	one := json.remove(given.call({}), ["/action/domain"])
	not shape.well_formed with input as one
	"input.missing" in codes(one)
}

test_null_fact if {
	one := given.call({"domain": null})
	not shape.well_formed with input as one
	"input.null" in codes(one)
}

test_wrong_type if {
	every change in [{"domain": 1}, {"attempt": "1"}, {"attempt": 1.5}, {"cost": {"micros": -1}}, {"data_classes": "pii"}] {
		one := given.call(change)
		not shape.well_formed with input as one
		"input.type" in codes(one)
	}
}

test_a_list_of_other_things if {
	every change in [{"data_classes": [1]}, {"destinations": [null]}] {
		one := given.call(change)
		not shape.well_formed with input as one
		codes(one) == {"input.malformed"}
	}
}

test_wrong_value if {
	one := given.call({"direction": "sideways"})
	not shape.well_formed with input as one
	"input.value" in codes(one)
}

test_unknown_kind if "input.kind" in codes({"kind": "guess"})

test_parts_of_another_kind_are_refused if {
	one := object.union(given.call({}), {"vote": given.vote("a", "b").vote})
	not shape.well_formed with input as one
}

test_malformed_lists_of_models_are_refused if {
	not shape.well_formed with input as object.union(given.call({}), {"grants": [{"gate": "x"}]})
	not shape.well_formed with input as given.admission([{"cost": {"micros": -1, "currency": "EUR"}}])
	not shape.well_formed with input as given.admission([{"fan_out": "1"}])
	not shape.well_formed with input as given.call({"plan_gate": {"role": "x"}})
}

# Each fault is told once, and by one name.
missing(one) := {finding.message | some finding in findings; finding.code == "input.missing"} if {
	findings := facts.findings with input as one
}

test_null_is_no_wrong_type if {
	codes(given.call({"domain": null})) == {"input.malformed", "input.null"}
}

test_a_wrong_type_is_no_unknown_value if {
	codes(given.call({"operation": 1})) == {"input.malformed", "input.type"}
}

test_a_part_that_is_missing_is_told_without_its_facts if {
	missing(object.remove(given.call({}), ["budget"])) == {"required part is missing: budget"}
}

test_a_part_of_another_kind_is_not_asked_for_its_facts if {
	codes(object.union(given.admission([{}]), {"action": {}})) == {"input.malformed"}
}
