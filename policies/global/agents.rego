# METADATA
# title: Agents and their scopes
# description: Each agent holds named scopes, apart for each operation; what is not listed is refused.
# labels: {owner: security, control: T-01}
package remit.global.agents

import rego.v2

import data.remit.lib

_policy := "global.agents"

_name := input.principal.agent

_agent := data.remit.registry.agents[_name]

_unknown contains lib.reason("agent.unknown", _policy, $"the registry does not know the agent {_name}") if not _agent

_elsewhere contains lib.reason("agent.tenant", _policy, $"{_name} does not act in the tenant {input.principal.tenant}") if {
	_agent
	not input.principal.tenant in _agent.tenants
}

_suspended contains lib.reason("agent.suspended", _policy, $"{_name} is not active") if {
	_agent
	_agent.status != "active"
}

denies contains reason if some reason in ((_unknown | _elsewhere) | _suspended)

denies contains lib.reason("agent.scope_missing", _policy, $"{_name} does not hold {input.action.domain}.{input.action.operation}") if {
	_agent
	not lib.is_scoped
}

denies contains lib.reason("agent.tool_not_listed", _policy, $"{_name} may not use {input.action.tool}") if {
	_agent
	input.action.purpose == "call"
	not _listed(input.action.tool)
}

# A suspended agent's work is still undone.
undo_denies contains reason if some reason in (_unknown | _elsewhere)

plan_denies contains reason if some reason in ((_unknown | _elsewhere) | _suspended)

# METADATA
# title: Tools that a plan may not name
# description: A sub-plan is admitted by itself, for its own agent.
# labels: {control: D-14}
plan_denies contains lib.reason("plan.tool_not_listed", _policy, $"step {step.id}: {_name} may not use {step.tool}") if {
	_agent
	some step in input.plan.steps
	step.operation != "plan"
	not _may_use(step)
}

_may_use(step) if {
	lib.covers(_agent.scopes, step.domain, step.operation)
	_listed(step.tool)
}

_listed(tool) if tool in object.get(_agent, "tools", [])

_listed(_) if object.get(_agent, "tools", null) == null
