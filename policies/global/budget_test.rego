package remit.global.budget_test

import rego.v2

import data.remit.global.budget
import data.remit.lib.fixtures_test as facts

costing(micros, changes) := object.union(
	facts.call({"cost": {"micros": micros}, "operation": "write"}),
	{"budget": changes},
)

denied(given) := facts.codes(reasons) if {
	reasons := budget.denies with input as given with data.remit.registry as facts.registry
}

gated(given) := facts.codes(gates) if {
	gates := budget.gates with input as given with data.remit.registry as facts.registry
}

reserved(given) := reserves if {
	reserves := budget.reserves with input as given with data.remit.registry as facts.registry
}

test_within_the_limit if {
	given := costing(100, {"limit_micros": 300, "spent_micros": 100, "reserved_micros": 100})
	denied(given) == set()
	gated(given) == set()
	reserved(given) == {{"counter": "run/0b9b1c1a/micros", "amount": 100, "ceiling": 300}}
}

test_one_micro_too_much if {
	denied(costing(100, {"limit_micros": 299, "spent_micros": 100, "reserved_micros": 100})) == {"budget.exceeded"}
}

test_what_costs_nothing_reserves_nothing if {
	given := costing(0, {"limit_micros": 0, "spent_micros": 5})
	denied(given) == set()
	reserved(given) == set()
}

test_another_currency_is_denied if {
	denied(object.union(costing(1, {}), {"action": {"cost": {"currency": "USD"}}})) == {"budget.currency"}
	denied(costing(1, {"currency": "USD"})) == {"budget.currency"}
	denied(object.union(costing(1, {"currency": ""}), {"action": {"cost": {"currency": "USD"}}})) == {"budget.currency"}
}

test_without_a_limit_a_person_decides if {
	given := costing(5, {"limit_micros": null, "currency": ""})
	denied(given) == set()
	gated(given) == {"budget.unbudgeted"}
	reserved(given) == {{"counter": "run/0b9b1c1a/micros", "amount": 5, "ceiling": 9007199254740991}}
}

test_without_a_limit_a_spending_is_asked_about_once if {
	given := object.union(
		costing(5, {"limit_micros": null, "currency": ""}),
		{"action": {"operation": "spend", "domain": "crm", "tool": "crm.x@1"}},
	)
	gated(given) == set()
}

test_without_a_limit_too_dear_is_denied if {
	denied(costing(1000000001, {"limit_micros": null, "currency": ""})) == {"budget.unbudgeted"}
	denied(costing(1000000000, {"limit_micros": null, "currency": ""})) == set()
}

test_what_costs_nothing_knows_no_currency if {
	free := object.union(costing(0, {"currency": "USD"}), {"action": {"cost": {"currency": "GBP"}}})
	denied(free) == set()
	unlimited := costing(0, {"limit_micros": null, "currency": ""})
	denied(unlimited) == set()
	gated(unlimited) == set()
}

test_the_rules_are_in_one_currency if {
	dollars := object.union(costing(1, {"currency": "USD"}), {"action": {"cost": {"currency": "USD"}}})
	denied(dollars) == {"budget.currency"}
}

test_without_a_limit_small_amounts_may_pass if {
	given := costing(5, {"limit_micros": null, "currency": ""})
	registry := object.union(facts.registry, {"thresholds": {"gates": {"unbudgeted": {"above_micros": 5}}}})
	gates := budget.gates with input as given with data.remit.registry as registry
	gates == set()
}

test_without_a_limit_a_domain_may_ask_itself if {
	given := costing(5, {"limit_micros": null, "currency": ""})
	registry := object.union(facts.registry, {"thresholds": {"gates": {"unbudgeted": {"except_domains": ["finance"]}}}})
	gates := budget.gates with input as given with data.remit.registry as registry
	gates == set()
}

test_a_probe_reserves_nothing if {
	given := object.union(costing(5, {}), {"action": {"purpose": "probe", "operation": "read"}})
	reserved(given) == set()
}

test_what_costs_nothing_needs_no_bound if {
	given := costing(0, {"limit_micros": null})
	unbounded := object.remove(data.remit.defaults.thresholds, ["unbudgeted_deny_micros"])
	reasons := budget.denies with input as given with data.remit.defaults.thresholds as unbounded
	reasons == set()
}
