package remit.global.plan_test

import rego.v2

import data.remit.global.plan
import data.remit.lib.fixtures_test as facts

denied(given) := facts.codes(reasons) if {
	reasons := plan.plan_denies with input as given with data.remit.registry as facts.registry
}

with_thresholds(given, thresholds) := facts.codes(reasons) if {
	registry := object.union(facts.registry, {"thresholds": thresholds})
	reasons := plan.plan_denies with input as given with data.remit.registry as registry
}

test_a_sound_plan if denied(facts.admission([{}, {"operation": "read", "has_undo": false}])) == set()

test_more_steps_than_the_plan_allows if {
	two := facts.admission([{"id": "a"}, {"id": "b"}])
	denied(object.union(two, {"plan": {"max_steps": 1}})) == {"plan.too_many_steps"}
	denied(object.union(two, {"plan": {"max_steps": 2}})) == set()
}

test_more_steps_than_the_registry_allows if {
	with_thresholds(facts.admission([{"id": "a"}, {"id": "b"}]), {"max_steps": 1}) == {"plan.too_many_steps"}
}

test_too_many_calls if {
	denied(facts.admission([{"fan_out": 20000}])) == set()
	denied(facts.admission([{"fan_out": 20000}, {}])) == {"plan.too_many_calls"}
}

test_a_plan_handed_over_in_part if {
	denied(object.union(facts.admission([{}]), {"plan": {"steps_total": 2}})) == {"plan.incomplete"}
}

test_forbidden_tools if {
	denied(object.union(facts.admission([{}]), {"plan": {"forbidden_tools": ["finance.book@1"]}})) == {"plan.forbidden_tool"}
	with_thresholds(facts.admission([{}]), {"forbidden_tools": ["finance.book@1"]}) == {"plan.forbidden_tool"}
}

test_regions if {
	denied(object.union(facts.admission([{}]), {"plan": {"regions": ["us"]}})) == {"plan.region"}
	with_thresholds(facts.admission([{}]), {"regions": {"acme": ["us"]}}) == {"plan.region"}
	denied(object.union(facts.admission([{"operation": "plan"}]), {"plan": {"regions": ["us"]}})) == set()
	denied(object.union(facts.admission([{}]), {"plan": {"regions": ["us", "eu"]}})) == set()
}

test_the_worst_case_is_over_the_limit if {
	costs := {"cost": {"micros": 100, "currency": "EUR"}, "fan_out": 3}
	denied(object.union(facts.admission([costs]), {"budget": {"limit_micros": 300}})) == set()
	denied(object.union(facts.admission([costs]), {"budget": {"limit_micros": 299}})) == {"plan.over_budget"}
	denied(object.union(facts.admission([costs]), {"budget": {"limit_micros": null}})) == set()
}

test_another_currency if {
	costs := {"cost": {"micros": 100, "currency": "USD"}}
	denied(facts.admission([costs])) == {"plan.currency"}
	denied(object.union(facts.admission([costs]), {"budget": {"currency": ""}})) == {"plan.currency"}
}

test_without_a_limit_the_rules_currency_holds if {
	costs := {"cost": {"micros": 100, "currency": "EUR"}}
	denied(object.union(facts.admission([costs]), {"budget": {"currency": "", "limit_micros": null}})) == set()
}

test_a_cost_that_only_the_run_can_tell_is_left_to_it if {
	denied(object.union(facts.admission([{"cost": null}]), {"budget": {"limit_micros": 0}})) == set()
}

test_a_write_without_an_undo if {
	denied(facts.admission([{"has_undo": false}])) == {"plan.undo_missing"}
	denied(facts.admission([{"has_undo": false, "irreversible": true}])) == set()
	denied(facts.admission([{"has_undo": false, "operation": "plan"}])) == set()
}

test_provenance if {
	unstated := object.union(facts.admission([{}]), {"plan": {"provenance": "not_stated"}})
	denied(unstated) == set()
	with_thresholds(unstated, {"require_provenance": true}) == {"plan.provenance_missing"}
	with_thresholds(facts.admission([{}]), {"require_provenance": true}) == set()
}

test_banned_combinations if {
	banned := {"banned_combinations": [{
		"name": "leak",
		"steps": [{"data_class": "pii", "operation": "read"}, {"domain": "mail"}],
		"message": "personal data does not leave by mail",
	}]}
	reads := {"operation": "read", "data_classes": ["pii"], "has_undo": false}
	mails := {"domain": "mail", "tool": "mail.send@1"}
	with_thresholds(facts.admission([reads, mails]), banned) == {"plan.banned_combination"}
	with_thresholds(facts.admission([reads]), banned) == set()
	with_thresholds(facts.admission([mails]), banned) == set()
	with_thresholds(facts.admission([object.union(reads, {"data_classes": []}), mails]), banned) == set()
	by_tool := {"banned_combinations": [{"name": "x", "steps": [{"tool": "mail.send@1"}], "message": "no"}]}
	with_thresholds(facts.admission([mails]), by_tool) == {"plan.banned_combination"}
}

test_what_costs_nothing_has_no_currency if {
	denied(facts.admission([{"cost": {"micros": 0, "currency": "USD"}}])) == set()
}

test_the_plans_own_currency_holds if {
	costs := {"cost": {"micros": 100, "currency": "USD"}}
	denied(object.union(facts.admission([costs]), {"budget": {"currency": "USD"}})) == set()
}

of_one_step(selector) := {"banned_combinations": [{"name": "x", "steps": [selector], "message": "no"}]}

test_a_combination_of_other_tools_or_operations_is_another_one if {
	with_thresholds(facts.admission([{}]), of_one_step({"tool": "mail.send@1"})) == set()
	with_thresholds(facts.admission([{}]), of_one_step({"operation": "delete"})) == set()
}
