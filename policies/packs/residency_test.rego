package remit.packs.residency_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main
import data.remit.packs.residency

registry := object.union(facts.registry, {"thresholds": {"packs": {"residency": {"pii": ["eu", "ch"]}}}})

denied(action, context) := facts.codes(reasons) if {
	given := object.union(facts.call(action), {"context": context})
	reasons := residency.denies with input as given with data.remit.registry as registry
}

test_data_stays_in_its_regions if {
	denied({"inflow": ["pii"], "region": "ch"}, {}) == set()
	denied({"inflow": ["pii"], "region": "us"}, {}) == {"residency.tool"}
	denied({"data_classes": ["pii"], "region": "us"}, {}) == {"residency.tool"}
}

test_a_worker_elsewhere_does_not_touch_it if {
	denied({"inflow": ["pii"]}, {"region": "us"}) == {"residency.worker"}
	denied({"inflow": ["pii"]}, {"region": ""}) == {"residency.worker"}
}

test_other_data_goes_anywhere if denied({"inflow": ["commercial"], "region": "us"}, {"region": "us"}) == set()

test_no_table_says_nothing if {
	reasons := residency.denies with input as facts.call({"inflow": ["pii"], "region": "us"}) with data.remit.registry as facts.registry
	reasons == set()
}

test_it_reaches_the_decision if {
	decision := main.decision with input as facts.call({"inflow": ["pii"], "region": "us"}) with data.remit.registry as registry
	facts.codes(decision.reasons) == {"residency.tool"}
}
