package remit.global.plan_order_test

import rego.v2

import data.remit.global.plan_order
import data.remit.lib.fixtures_test as facts

denied(given, thresholds) := {[reason.code, reason.step] | some reason in reasons} if {
	registry := object.union(facts.registry, {"thresholds": thresholds})
	reasons := plan_order.plan_denies with input as given with data.remit.registry as registry
}

test_by_default_nothing_is_refused if {
	denied(facts.admission([lost]), {}) == set()
}

# irreversible steps

lost := {"id": "burn", "irreversible": true, "may_fail_behind": true}

fallible(word) := {"plans": {"irreversible_before_fallible": word}}

refused := {["plan.irreversible_before_fallible", "burn"]}

test_irreversible_before_fallible if {
	denied(facts.admission([{}, lost]), fallible("deny")) == refused
	denied(facts.admission([{}, lost]), fallible("gated")) == refused
	denied(facts.admission([{}, lost]), fallible("allow")) == set()
}

test_a_step_that_can_be_undone_may_come_first if {
	denied(facts.admission([object.union(lost, {"irreversible": false})]), fallible("deny")) == set()
}

test_the_last_step_may_be_irreversible if {
	denied(facts.admission([object.union(lost, {"may_fail_behind": false})]), fallible("deny")) == set()
}

test_a_person_at_the_step_opens_the_way_where_the_data_says_so if {
	asks := [object.union(lost, {"gated": true}), object.union(lost, {"autonomy": "approve"}), object.union(lost, {"autonomy": "human"})]
	every step in asks {
		denied(facts.admission([step]), fallible("gated")) == set()
		denied(facts.admission([step]), fallible("deny")) == refused
	}
	denied(facts.admission([object.union(lost, {"autonomy": "notify"})]), fallible("gated")) == refused
}

# gates of the plan itself

gated(selector) := {"plans": {"gated": [selector]}}

test_a_missing_gate if {
	spends := {"id": "pay", "operation": "spend", "data_classes": ["financial"]}
	missing := {["plan.gate_missing", "pay"]}
	denied(facts.admission([{}, spends]), gated({"operation": "spend"})) == missing
	denied(facts.admission([{}, spends]), gated({"data_class": "financial"})) == missing
	denied(facts.admission([object.union(spends, {"gated": true})]), gated({"operation": "spend"})) == set()
	denied(facts.admission([spends]), gated({"operation": "delete"})) == set()
}

# sequences

archived(more) := {"sequences": [object.union(
	{"name": "archived", "calls": {"operation": "delete"}, "needs": ["erp.archive@1"], "message": "archive first"},
	more,
)]}

deletes := {"id": "delete", "operation": "delete", "tools_before": []}

late := {["plan.sequence", "delete"]}

test_what_is_needed_surely_comes_before if {
	denied(facts.admission([{}, deletes]), archived({})) == late
	denied(facts.admission([object.union(deletes, {"tools_before": ["erp.archive@1", "erp.get@1"]})]), archived({})) == set()
	denied(facts.admission([object.union(deletes, {"operation": "write"})]), archived({})) == set()
}

test_each_of_what_is_needed_comes_before if {
	both := {"needs": ["erp.archive@1", "erp.get@1"]}
	denied(facts.admission([object.union(deletes, {"tools_before": ["erp.archive@1"]})]), archived(both)) == late
}

test_what_the_run_did_before_an_amendment_counts if {
	amended := object.union(facts.admission([deletes]), {"history": object.union(facts.history, {"tools": ["erp.archive@1"]})})
	denied(amended, archived({})) == set()
}

test_what_is_forbidden_does_not_come_before if {
	forbids := {"needs": [], "forbids": ["erp.archive@1"]}
	denied(facts.admission([deletes]), archived(forbids)) == set()
	denied(facts.admission([object.union(deletes, {"tools_before": ["erp.archive@1"]})]), archived(forbids)) == late
}

test_what_only_the_call_can_tell_is_left_to_it if {
	denied(facts.admission([deletes]), archived({"same_resource": true})) == set()
	denied(facts.admission([deletes]), archived({"do": "gate"})) == set()
	denied(facts.admission([deletes]), archived({"do": "deny", "same_resource": false})) == late
}
