# METADATA
# title: Plans with bench
# labels: {owner: bench, control: D-14}
package remit.domains.bench.plans

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: safety, control: D-14}
plan_denies contains lib.reason("bench.many_steps", "domains.bench.plans", "too many steps of bench") if {
	count([1 | some step in input.plan.steps; step.domain == "bench"]) > lib.bounds("bench").most_steps
}
