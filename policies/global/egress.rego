# METADATA
# title: Egress
# description: |
#   A call reaches only hosts on its tenant's list, an undo too. A host that is not plainly a host name
#   (a user, a port, a path) is on no list.
# labels: {owner: security, control: T-06}
package remit.global.egress

import rego.v2

import data.remit.lib

_policy := "global.egress"

# METADATA
# labels: {concern: security, control: T-06}
denies contains _refusal(host) if {
	some host in input.action.destinations
	not _listed(host)
}

# METADATA
# labels: {concern: security, control: T-06}
undo_denies contains _refusal(host) if {
	some host in input.action.destinations
	not _listed(host)
}

# METADATA
# labels: {concern: security, control: T-06}
plan_denies contains lib.reason("plan.egress", _policy, $"step {step.id}: {host} is not on the list of {input.principal.tenant}") if {
	some step in input.plan.steps
	some host in step.destinations
	not _listed(host)
}

_refusal(host) := lib.reason("egress.host", _policy, $"{host} is not on the list of {input.principal.tenant}")

_allowed := data.remit.registry.egress[input.principal.tenant]

_listed(host) if {
	host in _allowed
	not startswith(host, "*")
}

_listed(host) if _plain(host) in _allowed

_listed(host) if {
	some suffix in _allowed
	startswith(suffix, "*.")
	endswith(_plain(host), substring(suffix, 1, -1))
}

_plain(host) := name if {
	name := trim_suffix(lower(host), ".")
	regex.match(`^[a-z0-9-]+(\.[a-z0-9-]+)*$`, name)
}
