package remit.global.run_test

import rego.v2

import data.remit.global.run
import data.remit.lib.fixtures_test as facts

denied(changes) := facts.codes(reasons) if {
	reasons := run.denies with input as object.union(facts.call({}), changes) with data.remit.registry as facts.registry
}

undo_denied(changes) := facts.codes(reasons) if {
	reasons := run.undo_denies with input as object.union(facts.undo({}), changes) with data.remit.registry as facts.registry
}

test_nothing_wrong if denied({}) == set()

test_the_plan_forbids_tools if denied({"plan": {"forbidden_tools": ["finance.book@1"]}}) == {"tool.forbidden"}

test_the_registry_forbids_tools if {
	registry := object.union(facts.registry, {"thresholds": {"forbidden_tools": ["finance.book@1"]}})
	reasons := run.denies with input as facts.call({}) with data.remit.registry as registry
	facts.codes(reasons) == {"tool.forbidden"}
}

test_regions_of_the_plan if {
	denied({"plan": {"regions": ["us"]}}) == {"region.forbidden"}
	denied({"plan": {"regions": ["us", "eu"]}}) == set()
	denied({"plan": {"regions": []}}) == {"region.forbidden"}
}

test_regions_of_the_tenant if {
	registry := object.union(facts.registry, {"thresholds": {"regions": {"acme": ["us"]}}})
	reasons := run.denies with input as facts.call({}) with data.remit.registry as registry
	facts.codes(reasons) == {"region.forbidden"}
	at_home := object.union(facts.registry, {"thresholds": {"regions": {"acme": ["us", "eu"]}}})
	fine := run.denies with input as facts.call({}) with data.remit.registry as at_home
	fine == set()
}

test_the_deadline if {
	denied({"context": {"now_ms": 2000000}}) == set()
	denied({"context": {"now_ms": 2000001}}) == {"run.deadline"}
}

test_a_clock_that_is_behind if {
	denied({"context": {"scheduled_ms": 1030000}}) == set()
	denied({"context": {"scheduled_ms": 1030001}}) == {"clock.behind"}
	undo_denied({"context": {"scheduled_ms": 1030001}}) == {"clock.behind"}
}

test_a_task_that_waited_long_is_not_a_wrong_clock if denied({"context": {"now_ms": 1900000}}) == set()

test_nothing_of_the_plan_stops_an_undo if {
	undo_denied({
		"context": {"now_ms": 9000000},
		"plan": {"forbidden_tools": ["finance.book@1"], "regions": []},
	}) == set()
}

test_the_skew_itself_stops_no_undo if undo_denied({"context": {"scheduled_ms": 1030000}}) == set()
