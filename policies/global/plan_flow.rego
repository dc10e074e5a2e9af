# METADATA
# title: Data flows of a plan
# description: |
#   Where data of a class may go, from step to step, before any of it moves. What flows into a step is read
#   from the plan's references by the enforcement point; a sub-plan is judged with what its callers give it.
# labels: {owner: security, control: D-14}
package remit.global.plan_flow

import rego.v2

import data.remit.global.egress
import data.remit.lib

_policy := "global.plan_flow"

# METADATA
# labels: {concern: safety, control: D-14}
plan_denies contains lib.step_reason("plan.flow", _policy, step, $"{flow.name}: {flow.data_class} data does not go to the region {step.region}") if {
	some [flow, step] in _flowing
	not _within(object.get(flow, "regions", null), step.region)
}

# METADATA
# labels: {concern: safety, control: D-14}
plan_denies contains lib.step_reason("plan.flow", _policy, step, $"{flow.name}: {flow.data_class} data does not go to {step.domain} tools") if {
	some [flow, step] in _flowing
	not _within(object.get(flow, "domains", null), step.domain)
}

# METADATA
# labels: {concern: safety, control: D-14}
plan_denies contains lib.step_reason("plan.flow", _policy, step, $"{flow.name}: {flow.data_class} data does not go to {host}") if {
	some [flow, step] in _flowing
	allowed := object.get(flow, "destinations", null)
	is_array(allowed)
	some host in step.destinations
	not egress.reaches(allowed, host)
}

# A sub-plan's own steps are held to it instead: it is admitted with the same data in its inputs.
_flowing contains [flow, step] if {
	some flow in lib.thresholds.plans.flows
	some step in input.plan.steps
	flow.data_class in step.inflow
	step.operation != "plan"
}

_within(allowed, name) if name in allowed

_within(allowed, _) if not is_array(allowed)
