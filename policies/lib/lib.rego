# METADATA
# title: What rules are written with
# description: Pure functions. Nothing here decides.
# labels: {owner: platform, control: D-02}
package remit.lib

import rego.v2

# METADATA
# title: A reason to permit or to deny
# description: |
#   `code` is stable and dotted, `policy` is the package without `remit.`, `message` is for people and
#   for the agent.
reason(code, policy, message) := {"code": code, "policy": policy, "message": substring(message, 0, 300)}

# METADATA
# title: A reason that speaks of one step of a plan
step_reason(code, policy, step, message) := object.union(
	reason(code, policy, $"step {step.id}: {message}"),
	{"step": step.id},
)

# METADATA
# title: A gate
# description: |
#   `rule` is data with `role` and `expires_in_ms`, with `quorum` where one person is not enough, and with
#   `then` where others are asked too while nobody answers, with `remind_every_ms` where they are reminded.
#   What it lacks is taken from a cautious default: an undefined part would make the gate vanish.
gate(code, policy, rule, message) := object.union(_reminding(_demand(rule)), {
	"code": code,
	"policy": policy,
	"message": substring(message, 0, 300),
	"role": object.get(_demand(rule), "role", _cautious.role),
	"quorum": object.get(_demand(rule), "quorum", _cautious.quorum),
	"expires_in_ms": object.get(_demand(rule), "expires_in_ms", _cautious.expires_in_ms),
	"then": object.get(_demand(rule), "then", []),
})

# Data may say `null` for what it leaves open.
_demand(rule) := rule if is_object(rule)

else := {}

_reminding(rule) := {"remind_every_ms": ms | ms := object.get(rule, "remind_every_ms", 0); ms > 0}

_cautious := {"role": "operator", "quorum": 1, "expires_in_ms": 86400000}

# METADATA
# title: A domain's rule for a gate
# description: |
#   `domains.<domain>.<name>` of the registry. `lib.bounds(domain).<name>` would be undefined where the data
#   is absent, and the gate with it; this one then asks an operator.
rule(domain, name) := object.get(bounds(domain), name, {})

# METADATA
# title: Whether the agent's scopes cover the call
# description: |
#   A domain's usual permit. A probe and a read-back are questions that Remit asks about a call, so any
#   scope in their domain covers them, as long as they only read.
scoped(_) if is_scoped

# METADATA
# title: The same, evaluated once however many rules ask
is_scoped if concat(".", [input.action.domain, input.action.operation]) in agent.scopes

is_scoped if concat(".", [input.action.domain, "*"]) in agent.scopes

is_scoped if {
	input.action.purpose != "call"
	input.action.operation == "read"
	in_domain(agent.scopes, input.action.domain)
}

# METADATA
# title: What the registry knows of the agent
# description: Undefined for an agent that it does not know.
agent := data.remit.registry.agents[input.principal.agent]

# METADATA
# title: Whether scopes cover an operation in a domain
covers(given, domain, operation) if concat(".", [domain, operation]) in given

covers(given, domain, _) if concat(".", [domain, "*"]) in given

# METADATA
# title: Whether any scope lies in a domain
in_domain(given, domain) if {
	some scope in given
	startswith(scope, concat(".", [domain, ""]))
}

# METADATA
# title: Whether two names mean the same party
# description: Case and outer blanks do not make another person.
same_party(a, b) if lower(trim_space(a)) == lower(trim_space(b))

# METADATA
# title: Whether a person answers for the run's tenant
# description: A person without a list answers for all.
of_tenant(person) if object.get(person, "tenants", null) == null

of_tenant(person) if input.principal.tenant in person.tenants

# METADATA
# title: The call as selectors look at it
# description: |
#   Member by member: of `input.action` as a whole partial evaluation knows nothing while one argument is unknown.
called := {
	"tool": input.action.tool,
	"domain": input.action.domain,
	"operation": input.action.operation,
	"data_classes": input.action.data_classes,
}

# METADATA
# title: Whether a selector means a call
# description: |
#   Of `called`, or of a plan's step, which states the same. What the selector leaves out, or
#   says null for, fits everything.
fits(action, selector) if {
	object.get(selector, "tool", null) in {action.tool, null}
	object.get(selector, "domain", null) in {action.domain, null}
	object.get(selector, "operation", null) in {action.operation, null}
	_of_class(action, object.get(selector, "data_class", null))
}

_of_class(_, null)

_of_class(action, class) if class in action.data_classes

# METADATA
# title: Bounds of the global layer
# description: |
#   The project's over the core's. In a bundle that is done already: its defaults hold both, and no call
#   pays for it. Held to a schema, so that a mistyped name is an error.
thresholds := object.union(data.remit.defaults.thresholds, own) if own := data.remit.registry.thresholds

else := data.remit.defaults.thresholds

# METADATA
# title: Bounds of one domain
# description: The project's over the core's; empty where nobody set any.
bounds(domain) := object.union(_default_bounds(domain), _own_bounds(domain))

default _default_bounds(_) := {}

_default_bounds(domain) := data.remit.defaults.domains[domain]

default _own_bounds(_) := {}

_own_bounds(domain) := data.remit.registry.domains[domain]
