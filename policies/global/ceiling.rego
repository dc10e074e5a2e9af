# METADATA
# title: Trust ceiling
# description: |
#   Work that is handed down gets no further than each agent above may: its ceiling, or, without one, what
#   it may do itself. What the agent below may do is asked apart. No ceiling stops an undo.
# labels: {owner: security, control: T-01}
package remit.global.ceiling

import rego.v2

import data.remit.lib

_policy := "global.ceiling"

# METADATA
# labels: {concern: security, control: T-01}
denies contains lib.reason("delegation.exceeds", _policy, $"{above} may not have {input.action.domain}.{input.action.operation} done") if {
	some above in input.principal.delegation
	not _reaches(above)
}

# METADATA
# labels: {concern: security, control: T-01}
denies contains reason if some reason in _stopped

# METADATA
# labels: {concern: security, control: T-01}
plan_denies contains lib.reason("delegation.exceeds", _policy, $"step {step.id}: {above} may not have {step.tool} called") if {
	some above in input.principal.delegation
	some step in input.plan.steps
	step.operation != "plan"
	not _may(above, step)
}

# METADATA
# labels: {concern: security, control: T-01}
plan_denies contains reason if some reason in _stopped

_stopped contains lib.reason("delegation.suspended", _policy, $"{above}, who handed the work down, is not active") if {
	some above in input.principal.delegation
	_agent(above).status != "active"
}

_stopped contains lib.reason("delegation.tenant", _policy, $"{above}, who handed the work down, does not act in the tenant {input.principal.tenant}") if {
	some above in input.principal.delegation
	not input.principal.tenant in _agent(above).tenants
}

_reaches(above) if _may(above, lib.called)

# As for the agent itself: any scope of the domain covers a question about a call.
_reaches(above) if {
	input.action.purpose != "call"
	input.action.operation == "read"
	lib.in_domain(_scopes(above), input.action.domain)
}

_may(above, action) if {
	lib.covers(_scopes(above), action.domain, action.operation)
	_listed(above, action.tool)
}

_scopes(above) := _agent(above).ceiling if is_array(_agent(above).ceiling)

_scopes(above) := _agent(above).scopes if not is_array(_agent(above).ceiling)

_listed(above, _) if is_array(_agent(above).ceiling)

_listed(above, tool) if tool in _agent(above).tools

_listed(above, _) if not is_array(_agent(above).tools)

_agent(above) := data.remit.registry.agents[above]
