# METADATA
# title: Agents and their scopes
# description: Each agent holds named scopes, apart for each operation; what is not listed is refused.
# labels: {owner: security, control: T-01}
package remit.global.agents

import rego.v2

import data.remit.lib

_policy := "global.agents"

# METADATA
# labels: {concern: governance, control: L-10}
denies contains _unknown if not lib.agent

# METADATA
# scope: document
# labels: {concern: security, control: T-01}
denies contains _elsewhere if {
	lib.agent
	not input.principal.tenant in lib.agent.tenants
}

# METADATA
# labels: {concern: governance, control: L-10}
denies contains _not_active if lib.agent.status != "active"

denies contains lib.reason("agent.scope_missing", _policy, $"{_name} does not hold {input.action.domain}.{input.action.operation}") if {
	lib.agent
	not lib.is_scoped
}

denies contains lib.reason("agent.tool_not_listed", _policy, $"{_name} may not use {input.action.tool}") if {
	is_array(lib.agent.tools)
	input.action.purpose == "call"
	not input.action.tool in lib.agent.tools
}

# A suspended agent's work is still undone.
# METADATA
# labels: {concern: governance, control: L-10}
undo_denies contains _unknown if not lib.agent

# METADATA
# labels: {concern: security, control: T-01}
undo_denies contains _elsewhere if {
	lib.agent
	not input.principal.tenant in lib.agent.tenants
}

# METADATA
# labels: {concern: governance, control: L-10}
plan_denies contains _unknown if not lib.agent

# METADATA
# labels: {concern: security, control: T-01}
plan_denies contains _elsewhere if {
	lib.agent
	not input.principal.tenant in lib.agent.tenants
}

# METADATA
# labels: {concern: governance, control: L-10}
plan_denies contains _not_active if lib.agent.status != "active"

# METADATA
# title: Tools that a plan may not name
# description: A sub-plan is admitted by itself, for its own agent.
# labels: {concern: safety, control: D-14}
plan_denies contains lib.step_reason("plan.tool_not_listed", _policy, step, $"{_name} may not use {step.tool}") if {
	lib.agent
	some step in input.plan.steps
	step.operation != "plan"
	not _may_use(step)
}

_may_use(step) if {
	lib.covers(lib.agent.scopes, step.domain, step.operation)
	_listed(step.tool)
}

_listed(tool) if tool in lib.agent.tools

_listed(_) if not is_array(lib.agent.tools)

_name := input.principal.agent

_unknown := lib.reason("agent.unknown", _policy, $"the registry does not know the agent {_name}")

_elsewhere := lib.reason("agent.tenant", _policy, $"{_name} does not act in the tenant {input.principal.tenant}")

_not_active := lib.reason("agent.not_active", _policy, $"{_name} is {lib.agent.status}, not active")
