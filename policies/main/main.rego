# METADATA
# title: The decision
# description: |
#   Always defined, even for an empty input. Deny before approval before allow. Domains permit, the
#   global layer only restricts, and what nobody permits is denied. An undo is judged by the rules whose
#   names begin with `undo_`, and by no others.
# labels: {owner: platform, control: D-04}
package remit.main

import data.remit.admission
import data.remit.approvals
import data.remit.global.facts
import data.remit.lib
import data.remit.lib.shape
import data.remit.risk
import data.remit.system
import data.remit.undo

# METADATA
# title: What the enforcement point asks
# entrypoint: true
decision := {
	"schema_version": 1,
	"effect": effect,
	"proposed_digest": proposed_digest,
	"reasons": array.slice(sort(reasons), 0, 50),
	"permits": array.slice(sort(granted), 0, 50),
	"obligations": obliged,
	"approvals": array.slice(sort(open_gates), 0, 8),
	"reserve": reserved,
	"risk": risk.level,
	"policy_revision": revision,
}

default effect := "deny"

effect := "require_approval" if {
	permitted
	count(open_gates) > 0
}

effect := "allow" if {
	permitted
	count(open_gates) == 0
}

permitted if {
	shape.well_formed
	count(denies) == 0
	count(permits) > 0
}

default revision := "unversioned"

revision := data.remit.revision if data.remit.revision != ""

default proposed_digest := null

proposed_digest := input.action.proposed_digest if is_string(input.action.proposed_digest)

reasons := denies if effect == "deny"

reasons := {lib.reason(gate.code, gate.policy, gate.message) | some gate in open_gates} if effect == "require_approval"

reasons := permits if effect == "allow"

default granted := set()

granted := permits if effect != "deny"

default obliged := set()

obliged := obligations if effect == "allow"

default reserved := set()

reserved := reserves if effect == "allow"

default is_undo := false

is_undo if input.action.direction == "undo"

domain := input.action.domain

# While the facts are not well formed, other rules may fail on them instead of denying.
denies contains reason if some reason in facts.denies

denies contains reason if {
	shape.well_formed
	some reason in restrictions
}

denies contains lib.reason("policy.not_granted", "main", "no rule permits this") if {
	shape.well_formed
	count(permits) == 0
}

denies contains lib.reason("obligation.unsupported", "main", $"the call needs an obligation that cannot be fulfilled here: {o.type}") if {
	shape.well_formed
	input.kind == "call"
	some o in obligations
	o.critical
	not o.type in input.context.capabilities
}

restrictions contains reason if {
	input.kind == "call"
	not is_undo
	some reason in data.remit.global[_].denies
}

restrictions contains reason if {
	input.kind == "call"
	not is_undo
	some reason in data.remit.domains[domain][_].denies
}

restrictions contains reason if {
	input.kind == "call"
	is_undo
	some reason in data.remit.global[_].undo_denies
}

restrictions contains reason if {
	input.kind == "call"
	is_undo
	some reason in data.remit.domains[domain][_].undo_denies
}

restrictions contains lib.reason("policy.unknown_domain", "main", $"no policy is published for the domain {domain}") if {
	input.kind == "call"
	not published
}

restrictions contains lib.reason("policy.domain_differs", "main", "the registry knows this tool in another domain") if {
	input.kind == "call"
	data.remit.registry.tools[input.action.tool].domain != domain
}

restrictions contains reason if {
	input.kind == "admission"
	some reason in admission.denies
}

restrictions contains reason if {
	input.kind == "admission"
	some reason in data.remit.global[_].plan_denies
}

restrictions contains reason if {
	input.kind == "admission"
	some reason in data.remit.domains[_][_].plan_denies
}

restrictions contains reason if {
	input.kind == "system"
	some reason in system.denies
}

restrictions contains reason if {
	input.kind == "vote"
	some reason in approvals.denies
}

# A domain is published when a topic of it can permit something, now or for other facts.
published if data.remit.domains[domain][_].permits

permits contains reason if {
	input.kind == "call"
	not is_undo
	some reason in data.remit.domains[domain][_].permits
}

permits contains reason if {
	input.kind == "call"
	is_undo
	some reason in undo.permits
}

permits contains reason if {
	input.kind == "call"
	is_undo
	some reason in data.remit.domains[domain][_].undo_permits
}

permits contains reason if {
	input.kind == "admission"
	some reason in admission.permits
}

permits contains reason if {
	input.kind == "system"
	some reason in system.permits
}

permits contains reason if {
	input.kind == "vote"
	some reason in approvals.permits
}

# Probes and read-backs are questions about a call that was judged already.
gates contains gate if {
	input.kind == "call"
	input.action.purpose == "call"
	not is_undo
	some gate in data.remit.global[_].gates
}

gates contains gate if {
	input.kind == "call"
	input.action.purpose == "call"
	not is_undo
	some gate in data.remit.domains[domain][_].gates
}

gates contains gate if {
	input.kind == "call"
	input.action.purpose == "call"
	is_undo
	some gate in data.remit.global[_].undo_gates
}

gates contains gate if {
	input.kind == "call"
	input.action.purpose == "call"
	is_undo
	some gate in data.remit.domains[domain][_].undo_gates
}

open_gates contains gate if {
	some gate in gates
	not approvals.met(gate)
}

obligations contains obligation if {
	input.kind == "call"
	some obligation in data.remit.global[_].obligations
}

obligations contains obligation if {
	input.kind == "call"
	some obligation in data.remit.domains[domain][_].obligations
}

reserves contains reserve if {
	input.kind == "call"
	not is_undo
	some reserve in data.remit.global[_].reserves
}
