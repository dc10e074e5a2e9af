package remit.packs.vendor_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main
import data.remit.packs.vendor

registry(due) := object.union(facts.registry, {"thresholds": {"packs": {"vendors": {"finance.book@1": {
	"name": "Books Ltd",
	"risk": "medium",
	"review_due_ms": due,
}}}}})

denied(due) := facts.codes(reasons) if {
	reasons := vendor.denies with input as facts.call({}) with data.remit.registry as registry(due)
}

test_a_review_is_due_at_its_moment_and_not_before if {
	denied(1000000) == set()
	denied(999999) == {"vendor.review_overdue"}
}

test_a_tool_without_a_vendor_needs_no_review if {
	reasons := vendor.denies with input as facts.call({}) with data.remit.registry as facts.registry
	reasons == set()
}

test_it_reaches_the_decision_and_stops_no_undo if {
	refused := main.decision with input as facts.call({}) with data.remit.registry as registry(999999)
	facts.codes(refused.reasons) == {"vendor.review_overdue"}
	undone := main.decision with input as facts.undo({}) with data.remit.registry as registry(999999)
	undone.effect == "allow"
}
