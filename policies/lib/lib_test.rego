package remit.lib_test

import rego.v2

import data.remit.lib
import data.remit.lib.fixtures_test as facts

test_messages_are_bounded if {
	long := concat("", [letter | some _ in numbers.range(1, 400); letter := "x"])
	count(lib.reason("a.b", "p", long).message) == 300
}

test_a_gate_asks_one_person_unless_told_otherwise if {
	lib.gate("a.b", "p", {"role": "r", "expires_in_ms": 1}, "m").quorum == 1
	lib.gate("a.b", "p", {"role": "r", "expires_in_ms": 1, "quorum": 3}, "m").quorum == 3
	lib.gate("a.b", "p", null, "m") == lib.gate("a.b", "p", {}, "m")
}

test_a_gate_reminds_only_where_its_rule_says_so if {
	rule := {"role": "r", "expires_in_ms": 9, "remind_every_ms": 3}
	lib.gate("a.b", "p", rule, "m").remind_every_ms == 3
	not "remind_every_ms" in object.keys(lib.gate("a.b", "p", {"role": "r", "expires_in_ms": 1}, "m"))
	not "remind_every_ms" in object.keys(lib.gate("a.b", "p", object.union(rule, {"remind_every_ms": 0}), "m"))
}

test_scoped_is_what_a_domain_permits_by if {
	lib.scoped(input) with input as facts.call({}) with data.remit.registry as facts.registry
}

test_a_selector_means_what_it_states if {
	call := {"tool": "a.b@1", "domain": "a", "operation": "read", "data_classes": ["pii", "pci"]}
	all := {"tool": "a.b@1", "domain": "a", "operation": "read", "data_class": "pii"}
	lib.fits(call, all)
	not lib.fits(call, object.union(all, {"tool": "a.c@1"}))
	not lib.fits(call, object.union(all, {"domain": "b"}))
	not lib.fits(call, object.union(all, {"operation": "write"}))
	not lib.fits(call, object.union(all, {"data_class": "phi"}))
}

test_what_a_selector_leaves_open_fits_everything if {
	call := {"tool": "a.b@1", "domain": "a", "operation": "read", "data_classes": []}
	lib.fits(call, {})
	lib.fits(call, {"tool": null, "domain": null, "operation": null, "data_class": null})
	not lib.fits(call, {"tool": null, "domain": "b"})
}

test_scopes_are_whole_names if {
	lib.covers(["erp.write"], "erp", "write")
	lib.covers(["erp.*"], "erp", "write")
	not lib.covers(["erp.write"], "erp", "read")
	not lib.covers(["erp2.write"], "erp", "write")
	lib.in_domain(["erp.read"], "erp")
	not lib.in_domain(["erp2.read"], "erp")
}

test_bounds_without_a_project_are_the_defaults if {
	lib.bounds("finance").gate.role == "budget_holder"
	lib.bounds("nobody") == {}
	lib.thresholds.currency == "EUR"
}

test_bounds_are_laid_over_the_defaults if {
	bounds := lib.bounds("finance") with data.remit.registry as {"domains": {"finance": {"gate": {"role": "cfo"}}}}
	bounds.gate.role == "cfo"
	bounds.gate.above_micros == 1000000000
}

test_a_gate_without_data_still_asks_somebody if {
	gate := lib.gate("a.b", "p", lib.rule("nobody", "gate"), "m")
	gate.role == "operator"
	gate.quorum == 1
	gate.expires_in_ms == 86400000
}

test_the_rule_of_a_domain_is_its_data if lib.rule("finance", "gate").role == "budget_holder"
