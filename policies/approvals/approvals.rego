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
	voters := {lower(trim_space(by)) | some by in grant.by; _may_approve(by, gate.role)}
	count(voters) >= gate.quorum
}

# METADATA
# labels: {concern: governance, control: H-06}
permits contains lib.reason("vote.permitted", _policy, "the person holds the gate's role") if {
	_person
	input.vote.gate.role in _person.roles
}

# METADATA
# scope: document
# labels: {concern: governance, control: H-06}
denies contains lib.reason("vote.unknown_person", _policy, $"nobody is known as {input.vote.by}") if not _person

denies contains lib.reason("vote.role_missing", _policy, $"{input.vote.by} does not hold the role {input.vote.gate.role}") if {
	_person
	not input.vote.gate.role in _person.roles
}

denies contains lib.reason("vote.tenant", _policy, $"{input.vote.by} does not answer for the tenant {input.principal.tenant}") if {
	_person
	not lib.of_tenant(_person)
}

denies contains lib.reason("vote.self_approval", _policy, $"{input.vote.by} is the agent, or whoever it acts for") if {
	_interested(input.vote.by)
}

denies contains lib.reason("vote.gate_expired", _policy, "the gate had expired when the vote came") if {
	input.vote.gate.expires_ms <= input.context.now_ms
}

# METADATA
# labels: {concern: security, control: S-01}
denies contains lib.reason("vote.unverified", _policy, "the name behind the vote is not proven") if {
	not input.vote.verified
	input.context.profile != "light"
}

_person := data.remit.registry.people[input.vote.by]

_may_approve(by, role) if {
	person := data.remit.registry.people[by]
	role in person.roles
	lib.of_tenant(person)
	not _interested(by)
}

_interested(by) if lib.same_party(by, input.principal.on_behalf_of)

_interested(by) if lib.same_party(by, input.principal.agent)

_interested(by) if lib.same_party(by, $"{input.principal.agent}@{input.principal.agent_version}")

# Whoever handed the work down wants it done.
_interested(by) if {
	some above in input.principal.delegation
	lib.same_party(by, above)
}
