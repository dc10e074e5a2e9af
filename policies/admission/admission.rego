# METADATA
# title: Whole plans
# description: |
#   Permits a plan of a known agent, started by somebody who may. What a plan may not contain stands in
#   the global layer, and in `plan_denies` of the domains.
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

# METADATA
# scope: document
# labels: {concern: security, control: S-01}
denies contains lib.reason("plan.unauthenticated", "admission", "nobody proved to have started it") if {
	not input.principal.verified
	input.context.profile != "light"
}

denies contains lib.reason("plan.starter_unknown", "admission", $"nobody is known as {input.principal.starter}") if {
	input.principal.verified
	not _starter
}

denies contains lib.reason("plan.starter_tenant", "admission", $"{input.principal.starter} does not answer for the tenant {input.principal.tenant}") if {
	_starter
	not lib.of_tenant(_starter)
}

denies contains lib.reason("plan.starter_agent", "admission", $"{input.principal.starter} may not start {input.principal.agent}") if {
	_starter
	_is_root
	not _may_start
}

denies contains lib.reason("plan.starter_for", "admission", $"{input.principal.starter} may not start it for {input.principal.on_behalf_of}") if {
	_starter
	not _may_speak
}

# Whoever proved who they are and is known.
_starter := data.remit.registry.people[input.principal.starter] if input.principal.verified

# What agents hand down to others is their own business, and bounded by their ceiling.
_is_root if count(input.principal.delegation) == 0

_starts := object.get(_starter, "starts", {})

_may_start if object.get(_starts, "agents", null) == null

_may_start if input.principal.agent in _starts.agents

_may_speak if lib.same_party(input.principal.starter, input.principal.on_behalf_of)

_may_speak if {
	some one in object.get(_starts, "on_behalf_of", [])
	one in {"*", input.principal.on_behalf_of}
}
