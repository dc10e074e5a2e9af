# METADATA
# title: The decision
# description: |
#   Always defined, even for an empty input. Deny before approval before allow. Domains permit, the
#   global layer only restricts, and what nobody permits is denied. An undo is judged by the rules whose
#   names begin with `undo_`, and by no others. While the facts are not well formed nothing else is
#   evaluated, for rules may fail on such facts instead of denying.
# labels: {owner: platform, control: D-04}
package remit.main

import rego.v2

import data.remit.admission
import data.remit.approvals
import data.remit.global
import data.remit.global.exceptions
import data.remit.global.facts
import data.remit.lib
import data.remit.lib.shape
import data.remit.orders
import data.remit.promotion
import data.remit.proposals
import data.remit.risk
import data.remit.system
import data.remit.undo

# METADATA
# title: What the enforcement point asks
# entrypoint: true
# labels: {concern: governance, control: D-04}
decision := object.union(_common, {"effect": "deny", "reasons": _first(facts.findings)}) if not shape.well_formed

else := object.union(_common, {"effect": "deny", "reasons": _first(refusals), "risk": risk.level}) if {
	count(denies) > 0
	count(refusals) > 0
}

else := object.union(_common, {"effect": "deny", "reasons": [_not_granted], "risk": risk.level}) if count(permits) == 0

else := object.union(_common, {
	"effect": "require_approval",
	"reasons": sort({lib.reason(gate.code, gate.policy, gate.message) | some gate in open_gates}),
	"permits": _told,
	"approvals": array.slice(sort(open_gates), 0, 8),
	"risk": risk.level,
}) if {
	count(open_gates) > 0
}

else := object.union(_common, {
	"effect": "allow",
	"reasons": _told,
	"permits": _told,
	"obligations": obligations,
	"reserve": reserves,
	"risk": risk.level,
})

_common := {
	"schema_version": 1,
	"proposed_digest": _proposed_digest,
	"permits": [],
	"obligations": [],
	"approvals": [],
	"reserve": [],
	"risk": "high",
	"policy_revision": _revision,
}

default _proposed_digest := null

_proposed_digest := input.action.proposed_digest if is_string(input.action.proposed_digest)

default _revision := "unversioned"

_revision := data.remit.revision if data.remit.revision != ""

# An answer is bounded: a plan of thousands of steps may be wrong in each.
_first(reasons) := array.slice(sort(reasons), 0, 50)

_domain := input.action.domain

default _not_granted := {"code": "policy.not_granted", "policy": "main", "message": "no rule permits this"}

_not_granted := lib.reason("policy.unknown_domain", "main", $"no policy is published for the domain {_domain}") if {
	input.kind == "call"
	not _published
}

_published if data.remit.domains[_domain][_].permits

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
denies contains reason if {
	input.kind == "call"
	input.action.direction == "do"
	some reason in global.denies
}

denies contains reason if {
	input.kind == "call"
	input.action.direction == "do"
	some reason in data.remit.domains[_domain][_].denies
}

denies contains reason if {
	input.kind == "call"
	input.action.direction == "undo"
	some reason in global.undo_denies
}

denies contains reason if {
	input.kind == "call"
	input.action.direction == "undo"
	some reason in data.remit.domains[_domain][_].undo_denies
}

# METADATA
# labels: {concern: security, control: T-01}
denies contains lib.reason("policy.domain_differs", "main", "the registry knows this tool in another domain") if {
	input.kind == "call"
	data.remit.registry.tools[input.action.tool].domain != _domain
}

denies contains lib.reason("obligation.unsupported", "main", $"the call needs an obligation that cannot be fulfilled here: {obligation.type}") if {
	input.kind == "call"
	some obligation in obligations
	obligation.critical
	not obligation.type in input.context.capabilities
}

denies contains reason if {
	input.kind == "admission"
	some reason in admission.denies
}

denies contains reason if {
	input.kind == "admission"
	some reason in global.plan_denies
}

denies contains reason if {
	input.kind == "admission"
	some reason in data.remit.domains[_][_].plan_denies
}

denies contains reason if {
	input.kind == "system"
	some reason in system.denies
}

denies contains reason if {
	input.kind == "vote"
	some reason in approvals.denies
}

denies contains reason if {
	input.kind == "order"
	some reason in orders.denies
}

# Exceptions are looked at only when something is refused.
_told := permits | lifted if count(denies) > 0

else := permits

# METADATA
# title: What is refused although exceptions lift refusals
# labels: {concern: governance, control: D-15}
refusals contains reason if {
	some reason in denies
	object.get(exceptions.in_force, reason.code, set()) == set()
}

# METADATA
# title: What exceptions lift, told with what permits
# labels: {concern: governance, control: D-15}
lifted contains exceptions.told(one) if {
	some reason in denies
	some one in exceptions.in_force[reason.code]
}

denies contains reason if {
	input.kind == "promotion"
	some reason in promotion.denies
}

denies contains reason if {
	input.kind == "proposal"
	some reason in proposals.denies
}

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
permits contains reason if {
	input.kind == "promotion"
	some reason in promotion.permits
}

permits contains reason if {
	input.kind == "proposal"
	some reason in proposals.permits
}

permits contains reason if {
	input.kind == "order"
	some reason in orders.permits
}

permits contains reason if {
	input.kind == "call"
	input.action.direction == "do"
	some reason in data.remit.domains[_domain][_].permits
}

permits contains reason if {
	input.kind == "call"
	input.action.direction == "undo"
	some reason in undo.permits
}

permits contains reason if {
	input.kind == "call"
	input.action.direction == "undo"
	some reason in data.remit.domains[_domain][_].undo_permits
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

# Probes and read-backs are questions about a call that was judged already: no gates.
# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
gates contains gate if {
	input.action.purpose == "call"
	input.action.direction == "do"
	some gate in global.gates
}

gates contains gate if {
	input.action.purpose == "call"
	input.action.direction == "do"
	some gate in data.remit.domains[_domain][_].gates
}

gates contains gate if {
	input.action.purpose == "call"
	input.action.direction == "undo"
	some gate in data.remit.domains[_domain][_].undo_gates
}

# METADATA
# labels: {concern: governance, control: D-04}
open_gates contains gate if {
	some gate in gates
	not _asked_by_another(gate)
	not approvals.met(gate)
}

# Policy asks the same role already, so what the plan adds is nothing.
_asked_by_another(gate) if {
	gate.code == "plan.gate"
	some other in gates
	other.code != gate.code
	other.role == gate.role
	other.quorum >= gate.quorum
}

_asked_by_another(gate) if {
	gate.code == "plan.autonomy"
	count(gates) > 1
}

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
obligations contains obligation if {
	input.kind == "call"
	some obligation in global.obligations
}

obligations contains obligation if {
	input.kind == "call"
	some obligation in data.remit.domains[_domain][_].obligations
}

# METADATA
# labels: {concern: governance, control: D-04}
reserves contains reserve if {
	input.action.purpose == "call"
	input.action.direction == "do"
	some reserve in global.reserves
}
