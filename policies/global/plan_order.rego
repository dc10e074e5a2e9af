# METADATA
# title: The order of a plan's steps
# description: |
#   What must come before a step for certain, what may still fail when nothing undoes it any more, and where
#   the plan itself must ask a person. Judged by what is sure before the run; a call is judged again by what
#   happened.
# labels: {owner: security, control: D-14}
package remit.global.plan_order

import rego.v2

import data.remit.lib

_policy := "global.plan_order"

_rules := lib.thresholds.plans

# METADATA
# labels: {concern: safety, control: D-14}
plan_denies contains lib.step_reason("plan.irreversible_before_fallible", _policy, step, "nothing undoes it, and a step that can fail the run may still be to come") if {
	not _rules.irreversible_before_fallible == "allow"
	some step in input.plan.steps
	step.irreversible
	step.may_fail_behind
	not _may_stand(step)
}

# METADATA
# labels: {concern: safety, control: D-14}
plan_denies contains lib.step_reason("plan.gate_missing", _policy, step, "the plan must ask a person here") if {
	some selector in _rules.gated
	some step in input.plan.steps
	lib.fits(step, selector)
	not _asks(step)
}

# METADATA
# labels: {concern: safety, control: D-14}
plan_denies contains lib.step_reason("plan.sequence", _policy, step, $"{rule.message} ({tool} does not surely come before)") if {
	some [rule, step] in _judged
	some tool in object.get(rule, "needs", [])
	not tool in step.tools_before
	not _happened(tool)
}

# METADATA
# labels: {concern: safety, control: D-14}
plan_denies contains lib.step_reason("plan.sequence", _policy, step, $"{rule.message} ({tool} comes before)") if {
	some [rule, step] in _judged
	some tool in object.get(rule, "forbids", [])
	tool in step.tools_before
}

# What is held against a resource, or asks a person, only the call can tell.
_judged contains [rule, step] if {
	some rule in lib.thresholds.sequences
	not object.get(rule, "same_resource", false)
	object.get(rule, "do", "deny") == "deny"
	some step in input.plan.steps
	lib.fits(step, rule.calls)
}

_may_stand(step) if {
	_rules.irreversible_before_fallible == "gated"
	_asks(step)
}

_asks(step) if step.gated

_asks(step) if step.autonomy in {"approve", "human"}

# An amended plan goes on with what its run did.
_happened(tool) if tool in input.history.tools
