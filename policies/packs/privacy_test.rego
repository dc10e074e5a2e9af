package remit.packs.privacy_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main
import data.remit.packs.privacy

registry(domains) := object.union(facts.registry, {"thresholds": {"packs": {"privacy": {"pii": {"domains": domains}}}}})

denied(action, domains) := facts.codes(reasons) if {
	reasons := privacy.denies with input as facts.call(action) with data.remit.registry as registry(domains)
}

test_data_flows_where_it_has_a_purpose if {
	denied({"inflow": ["pii"]}, ["crm", "finance"]) == set()
	denied({"inflow": ["pii"]}, ["crm"]) == {"privacy.purpose"}
	denied({"inflow": ["pii"]}, []) == {"privacy.purpose"}
}

test_what_a_tool_holds_itself_does_not_flow_into_it if denied({"data_classes": ["pii"]}, ["crm"]) == set()

test_other_data_needs_no_purpose if denied({"inflow": ["commercial"]}, []) == set()

test_it_reaches_the_decision if {
	decision := main.decision with input as facts.call({"inflow": ["pii"]}) with data.remit.registry as registry(["crm"])
	facts.codes(decision.reasons) == {"privacy.purpose"}
}
