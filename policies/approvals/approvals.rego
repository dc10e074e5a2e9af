# METADATA
# title: Who may approve, and what an approval is worth
# description: |
#   Judges a vote before it counts, and a grant each time the call is decided. People and their roles
#   come from the registry; nobody approves what they, their agent or their principal asked for.
# labels: {owner: security, control: H-06}
package remit.approvals

import rego.v2

import data.remit.lib

_policy := "approvals"

# METADATA
# title: Whether a gate's demand is met by a grant
# labels: {concern: security, control: H-08}
met(gate) if {
	some grant in input.grants
	grant.code == gate.code
	grant.role == gate.role
	grant.proposed_digest == input.action.proposed_digest
	grant.expires_ms > input.context.now_ms
	voters := {lower(trim_space(by)) | some i, by in grant.by; _may_approve(by, grant.instead_of[i], _roles(gate))}
	count(voters) >= gate.quorum
}

# Whom the gate asks first, and whom it asks later.
_roles(gate) := {gate.role} | {later.role | some later in object.get(gate, "then", [])}

# METADATA
# labels: {concern: governance, control: H-06}
permits contains lib.reason("vote.permitted", _policy, "the person may answer for one of the gate's roles") if _answers

_answers if {
	_person
	_holds(_holder, input.vote.gate.roles)
}

# METADATA
# scope: document
# labels: {concern: governance, control: H-06}
denies contains lib.reason("vote.unknown_person", _policy, $"nobody is known as {input.vote.by}") if not _person

denies contains lib.reason("vote.role_missing", _policy, $"{_holder} does not hold the role {input.vote.gate.role}") if {
	_person
	not _holds(_holder, input.vote.gate.roles)
}

denies contains lib.reason("vote.tenant", _policy, $"{input.vote.by} does not answer for the tenant {input.principal.tenant}") if {
	_person
	not lib.of_tenant(_person)
}

denies contains lib.reason("vote.self_approval", _policy, $"{input.vote.by} is the agent, or whoever it acts for") if {
	_interested(input.vote.by)
}

# What somebody may not say, nobody says in their place.
denies contains lib.reason("vote.handed_over", _policy, $"{input.vote.instead_of} could not vote, so nobody can in that place") if {
	input.vote.instead_of != ""
	not _clean(input.vote.instead_of)
}

denies contains lib.reason("vote.gate_expired", _policy, "the gate had expired when the vote came") if {
	input.vote.gate.expires_ms <= input.context.now_ms
}

# METADATA
# labels: {concern: governance, control: H-09}
denies contains lib.reason("vote.delegate", _policy, $"{input.vote.to} cannot vote here in anybody's place") if {
	input.vote.verdict == "delegate"
	not _clean(input.vote.to)
}

# An edit makes a call smaller, or other within what was asked for; anything else is a plan's business.
# METADATA
# labels: {concern: governance, control: H-09}
denies contains lib.reason("vote.edit_widens", _policy, "the edited call would cost more than the one proposed") if {
	input.vote.costs_more
}

denies contains lib.reason("vote.edit_elsewhere", _policy, "the edited call would be about something else") if {
	input.vote.other_resource
}

# METADATA
# labels: {concern: security, control: S-01}
denies contains lib.reason("vote.unverified", _policy, "the name behind the vote is not proven") if {
	not input.vote.verified
	input.context.profile != "light"
}

_person := data.remit.registry.people[input.vote.by]

_holder := input.vote.by if input.vote.instead_of == ""

_holder := input.vote.instead_of if input.vote.instead_of != ""

_may_approve(by, "", roles) if {
	_clean(by)
	_holds(by, roles)
}

# Nobody is called nothing, so a place is somebody's.
_may_approve(by, holder, roles) if {
	_clean(by)
	_clean(holder)
	_holds(holder, roles)
}

_holds(person, roles) if {
	some role in data.remit.registry.people[person].roles
	role in roles
}

# Known, of the tenant, and with nothing to gain.
_clean(name) if {
	lib.of_tenant(data.remit.registry.people[name])
	not _interested(name)
}

_interested(by) if lib.same_party(by, input.principal.on_behalf_of)

_interested(by) if lib.same_party(by, input.principal.agent)

_interested(by) if lib.same_party(by, $"{input.principal.agent}@{input.principal.agent_version}")

# Whoever handed the work down wants it done.
_interested(by) if {
	some above in input.principal.delegation
	lib.same_party(by, above)
}
