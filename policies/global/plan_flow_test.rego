package remit.global.plan_flow_test

import rego.v2

import data.remit.global.plan_flow
import data.remit.lib.fixtures_test as facts

denied(steps, flow) := {[reason.code, reason.step] | some reason in reasons} if {
	flows := [object.union({"name": "home", "data_class": "pii"}, flow)]
	registry := object.union(facts.registry, {"thresholds": {"plans": {"flows": flows}}})
	reasons := plan_flow.plan_denies with input as facts.admission(steps) with data.remit.registry as registry
}

taken := {"id": "sends", "inflow": ["crm", "pii"], "region": "us", "domain": "mail", "destinations": ["a.example", "b.mail.example"]}

refused := {["plan.flow", "sends"]}

test_without_flows_nothing_is_refused if {
	reasons := plan_flow.plan_denies with input as facts.admission([taken]) with data.remit.registry as facts.registry
	reasons == set()
}

test_regions if {
	denied([{}, taken], {"regions": ["eu"]}) == refused
	denied([{}, taken], {"regions": ["eu", "us"]}) == set()
	denied([{}, taken], {"regions": []}) == refused
}

test_domains if {
	denied([taken], {"domains": ["crm"]}) == refused
	denied([taken], {"domains": ["crm", "mail"]}) == set()
}

test_destinations if {
	denied([taken], {"destinations": ["a.example"]}) == refused
	denied([taken], {"destinations": ["a.example", "*.mail.example"]}) == set()
	denied([taken], {"destinations": ["*.example"]}) == set()
	denied([object.union(taken, {"destinations": []})], {"destinations": []}) == set()
	denied([object.union(taken, {"destinations": ["*.mail.example"]})], {"destinations": ["*.mail.example"]}) == refused
}

test_what_is_stated_as_nothing_bounds_nothing if {
	denied([taken], {"regions": null, "domains": null, "destinations": null}) == set()
}

test_other_data_flows_freely if {
	other := object.union(taken, {"inflow": ["crm"]})
	denied([other], {"regions": []}) == set()
	denied([object.union(taken, {"inflow": [], "data_classes": ["pii"]})], {"regions": []}) == set()
}

test_a_sub_plan_is_judged_by_its_own_steps if {
	denied([object.union(taken, {"operation": "plan"})], {"regions": [], "domains": [], "destinations": []}) == set()
}
