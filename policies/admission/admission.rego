# METADATA
# title: Whole plans
# description: |
#   Permits a plan of a known agent. What a plan may not contain stands in the global layer, and in
#   `plan_denies` of the domains.
# labels: {owner: platform, control: D-14}
package remit.admission

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: safety, control: D-14}
permits contains lib.reason("plan.permitted", "admission", "a plan of a known agent") if {
	agent := data.remit.registry.agents[input.principal.agent]
	object.get(agent, "status", "active") == "active"
}

# METADATA
# labels: {concern: safety, control: D-14}
denies contains lib.reason("plan.empty", "admission", "the plan has no steps") if count(input.plan.steps) == 0
