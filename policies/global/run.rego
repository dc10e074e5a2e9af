# METADATA
# title: Bounds of the run
# description: |
#   Tools and regions that the plan or the registry forbids, the run's deadline, and the worker's clock.
#   None of them stops an undo, except a clock that cannot be trusted.
# labels: {owner: platform, control: P-08}
package remit.global.run

import rego.v2

import data.remit.lib

_policy := "global.run"

# METADATA
# scope: document
# labels: {concern: risk, control: P-08}
denies contains lib.reason("tool.forbidden", _policy, $"{input.action.tool} is forbidden") if {
	input.action.tool in input.plan.forbidden_tools
}

denies contains lib.reason("tool.forbidden", _policy, $"{input.action.tool} is forbidden") if {
	input.action.tool in lib.thresholds.forbidden_tools
}

# METADATA
# labels: {concern: regulatory, control: S-08}
denies contains lib.reason("region.forbidden", _policy, $"{input.action.region} is not among the plan's regions") if {
	is_array(input.plan.regions)
	not input.action.region in input.plan.regions
}

# METADATA
# labels: {concern: regulatory, control: S-08}
denies contains lib.reason("region.forbidden", _policy, $"{input.action.region} is not among the tenant's regions") if {
	regions := lib.thresholds.regions[input.principal.tenant]
	not input.action.region in regions
}

denies contains lib.reason("run.deadline", _policy, "the run's deadline has passed") if {
	input.context.now_ms > input.run.deadline_ms
}

# A task that waits in its queue is old without any clock being wrong. A clock that is ahead ends grants
# and deadlines early; only one that is behind would let them live too long.
denies contains _clock_behind if {
	input.context.now_ms + lib.thresholds.clock_skew_ms < input.context.scheduled_ms
}

# METADATA
# labels: {concern: risk, control: P-08}
undo_denies contains _clock_behind if {
	input.context.now_ms + lib.thresholds.clock_skew_ms < input.context.scheduled_ms
}

_clock_behind := lib.reason("clock.behind", _policy, "the worker's clock is behind the server's")
