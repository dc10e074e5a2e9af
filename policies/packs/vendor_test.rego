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

_entry(risk) := {"finance.book@1": {"name": "Books Ltd", "risk": risk, "review_due_ms": 1000000}}

_ruled(rule, vendors) := object.union(facts.registry, {"thresholds": {"packs": {"vendor_rule": rule, "vendors": vendors}}})

refused(rule, vendors) := facts.codes(reasons) if {
	reasons := vendor.denies with input as facts.call({}) with data.remit.registry as _ruled(rule, vendors)
}

test_a_call_that_needs_a_vendor_and_has_none if {
	refused({"needed": [{"domain": "finance"}]}, {}) == {"vendor.unknown"}
	refused({"needed": [{"domain": "finance"}]}, _entry("low")) == set()
	refused({"needed": [{"domain": "crm"}]}, {}) == set()
	refused({"needed": []}, {}) == set()
	refused({}, {}) == set()
}

test_a_tool_that_reaches_another_host_needs_a_vendor if {
	host := "erp.acme.example"
	facts.call({}).action.destinations == [host]
	refused({"own": []}, {}) == {"vendor.unknown"}
	refused({"own": ["other.acme.example"]}, {}) == {"vendor.unknown"}
	refused({"own": [host]}, {}) == set()
	refused({"own": ["*.acme.example"]}, {}) == set()
	refused({"own": null}, {}) == set()
	refused({"own": []}, _entry("low")) == set()
}

test_how_much_risk_is_taken_is_data if {
	rule := {"risk": {"high": "approve", "critical": "deny"}, "gate": {"role": "data_owner", "expires_in_ms": 1000}}
	refused(rule, _entry("critical")) == {"vendor.risk"}
	every risk in ["low", "medium", "high"] {
		refused(rule, _entry(risk)) == set()
	}
	every pair in [["low", set()], ["high", {"data_owner"}], ["critical", set()]] {
		gates := vendor.gates with input as facts.call({}) with data.remit.registry as _ruled(rule, _entry(pair[0]))
		{gate.role | some gate in gates} == pair[1]
	}
	gates := vendor.gates with input as facts.call({}) with data.remit.registry as _ruled({"risk": {"low": "approve"}}, _entry("low"))
	{[gate.code, gate.role, gate.message] | some gate in gates} == {["vendor.approval", "operator", "Books Ltd is of low risk"]}
}

test_a_vendor_that_is_asked_about_reaches_the_decision if {
	registry_ := _ruled({"risk": {"low": "approve"}}, _entry("low"))
	asked := main.decision with input as facts.call({}) with data.remit.registry as registry_
	{gate.code | some gate in asked.approvals} == {"vendor.approval"}
	undone := main.decision with input as facts.undo({}) with data.remit.registry as registry_
	undone.effect == "allow"
}
