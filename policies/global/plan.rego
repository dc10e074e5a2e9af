# METADATA
# title: Guardrails for whole plans
# description: What a plan may not contain, decided before any of it runs.
# labels: {owner: security, control: D-14}
package remit.global.plan

import rego.v2

import data.remit.lib

_policy := "global.plan"

_limits := lib.thresholds

_steps := input.plan.steps

# METADATA
# scope: document
# labels: {concern: safety, control: D-14}
plan_denies contains lib.reason("plan.too_many_steps", _policy, $"{input.plan.steps_total} steps; at most {most} are allowed") if {
	some most in {_limits.max_steps, input.plan.max_steps}
	is_number(most)
	input.plan.steps_total > most
}

# METADATA
# labels: {concern: risk, control: P-08}
plan_denies contains lib.reason("plan.too_many_calls", _policy, $"up to {calls} calls; at most {_limits.max_calls} are allowed") if {
	calls := sum([step.fan_out | some step in _steps])
	not calls <= _limits.max_calls
}

# METADATA
# labels: {concern: risk, control: P-08}
plan_denies contains lib.reason("plan.incomplete", _policy, "the plan was not handed over whole") if {
	count(_steps) != input.plan.steps_total
}

# METADATA
# labels: {concern: risk, control: P-08}
plan_denies contains lib.step_reason("plan.forbidden_tool", _policy, step, $"{step.tool} is forbidden") if {
	some step in _steps
	step.tool in _forbidden
}

# METADATA
# labels: {concern: regulatory, control: S-08}
plan_denies contains lib.step_reason("plan.region", _policy, step, $"{step.region} is not among the regions allowed") if {
	some regions in _regions
	some step in _steps
	step.operation != "plan"
	not step.region in regions
}

# METADATA
# labels: {concern: risk, control: P-08}
plan_denies contains lib.reason("plan.over_budget", _policy, $"it may spend up to {_worst} micros, and its limit is {input.budget.limit_micros}") if {
	is_number(input.budget.limit_micros)
	_worst > input.budget.limit_micros
}

# METADATA
# title: Steps whose cost nothing bounds before the run
# labels: {concern: risk, control: P-08}
plan_denies contains lib.step_reason("plan.spend_unbounded", _policy, step, "only the run can tell what it costs") if {
	not _may_be_unbounded
	some step in _steps
	not is_number(step.worst)
}

# METADATA
# labels: {concern: risk, control: P-08}
plan_denies contains lib.step_reason("plan.currency", _policy, step, $"it costs {step.cost.currency}, and the limit is in {input.budget.currency}") if {
	some step in _steps
	step.cost.micros > 0
	not step.cost.currency in {_currency, ""}
}

# METADATA
# labels: {concern: safety, control: P-07}
plan_denies contains lib.step_reason("plan.undo_missing", _policy, step, "it has an effect and neither an undo nor the word irreversible") if {
	some step in _steps
	not step.operation in {"read", "plan"}
	not step.has_undo
	not step.irreversible
}

# METADATA
# labels: {concern: risk, control: P-08}
plan_denies contains lib.reason("plan.provenance_missing", _policy, "the plan does not say where it came from") if {
	_limits.require_provenance
	input.plan.provenance != "stated"
}

# METADATA
# labels: {concern: risk, control: P-08}
plan_denies contains lib.reason("plan.banned_combination", _policy, $"{combination.name}: {combination.message}") if {
	some combination in _limits.banned_combinations
	every selector in combination.steps {
		some step in _steps
		lib.fits(step, selector)
	}
}

_forbidden := {tool | some tool in array.concat(input.plan.forbidden_tools, _limits.forbidden_tools)}

_regions contains input.plan.regions if is_array(input.plan.regions)

_regions contains _limits.regions[input.principal.tenant]

# A cost that only the run can tell is checked when the step is called.
_worst := sum([step.worst | some step in _steps; is_number(step.worst)])

_currency := input.budget.currency if input.budget.currency != ""

_currency := _limits.currency if input.budget.currency == ""

_may_be_unbounded if _limits.plans.unbounded_spend == "allow"

_may_be_unbounded if {
	_limits.plans.unbounded_spend == "limited"
	is_number(input.budget.limit_micros)
}
