package remit.global.registry_test

import rego.v2

import data.remit.global.registry
import data.remit.lib.fixtures_test as facts

test_thresholds_stand if {
	registry.denies == set()
	registry.plan_denies == set()
}

test_without_thresholds_everything_is_denied if {
	denied := registry.denies with data.remit.defaults.thresholds as {} with data.remit.registry as {}
	facts.codes(denied) == {"registry.missing"}
	planned := registry.plan_denies with data.remit.lib.thresholds as {}
	facts.codes(planned) == {"registry.missing"}
}
