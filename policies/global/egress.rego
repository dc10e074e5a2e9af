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
	not reaches(_allowed, host)
}

# METADATA
# labels: {concern: security, control: T-06}
undo_denies contains _refusal(host) if {
	some host in input.action.destinations
	not reaches(_allowed, host)
}

# METADATA
# labels: {concern: security, control: T-06}
plan_denies contains lib.step_reason("plan.egress", _policy, step, _unlisted(host)) if {
	some step in input.plan.steps
	some host in step.destinations
	not reaches(_allowed, host)
}

_refusal(host) := lib.reason("egress.host", _policy, _unlisted(host))

_unlisted(host) := $"{host} is not listed at `egress.{input.principal.tenant}` in the policies' data"

_allowed := data.remit.registry.egress[input.principal.tenant]

# METADATA
# title: Whether a host is on a list
# description: A member is a host, or `*.` and the domain whose hosts are meant.
# labels: {concern: security, control: T-06}
reaches(allowed, host) if {
	host in allowed
	not startswith(host, "*")
}

# METADATA
# labels: {concern: security, control: T-06}
reaches(allowed, host) if _plain(host) in allowed

# METADATA
# labels: {concern: security, control: T-06}
reaches(allowed, host) if {
	some suffix in allowed
	startswith(suffix, "*.")
	endswith(_plain(host), substring(suffix, 1, -1))
}

_plain(host) := name if {
	name := trim_suffix(lower(host), ".")
	regex.match(`^[a-z0-9-]+(\.[a-z0-9-]+)*$`, name)
}
