# METADATA
# title: Who may order what of a run
# description: |
#   Judges an order (hold, resume, rollback, an answer about a doubt, a repair, an amendment, to forget, to retain, to release, about an answer in quarantine), or one to
#   stop calls and to let them go on, before it is obeyed. People
#   and their roles come from the registry. Whoever a run acts for may stop it, and nothing more.
# labels: {owner: security, control: E-08}
package remit.orders

import rego.v2

import data.remit.lib

_policy := "orders"

# METADATA
# scope: document
# labels: {concern: safety, control: E-08}
permits contains lib.reason("order.permitted", _policy, "the person holds a role that may order it") if _may

permits contains lib.reason("order.own_run", _policy, "whoever a run acts for may stop it") if _own

# METADATA
# scope: document
# labels: {concern: safety, control: E-08}
denies contains lib.reason("order.unknown_person", _policy, $"nobody is known as {input.order.by}") if not _person

denies contains lib.reason("order.role_missing", _policy, $"{input.order.by} holds no role that may order {input.order.name}") if {
	_person
	not _may
	not _own
}

denies contains lib.reason("order.tenant", _policy, $"{input.order.by} does not answer for the tenant {input.principal.tenant}") if {
	_person
	not _theirs
	input.principal.tenant != ""
}

denies contains lib.reason("order.tenant", _policy, $"{input.order.by} answers for some tenants alone, and this is about others too") if {
	_person
	not _theirs
	input.principal.tenant == ""
}

# METADATA
# labels: {concern: security, control: S-01}
denies contains lib.reason("order.unverified", _policy, "the name behind the order is not proven") if {
	not input.order.verified
	input.context.profile != "light"
}

denies contains lib.reason("order.window", _policy, "the time in which this run could be rolled back is over") if {
	input.order.name == "rollback"
	is_number(input.order.ended_ms)
	not _in_window
}

# METADATA
# labels: {concern: privacy, control: S-07}
denies contains lib.reason("order.may_be_rolled_back", _policy, "the run may still be rolled back, and would need what it named") if {
	input.order.name == "forget"
	is_number(input.order.ended_ms)
	_in_window
}

denies contains lib.reason("order.ended", _policy, "a run that has ended takes no such order") if {
	is_number(input.order.ended_ms)
	not input.order.name in {"rollback", "forget", "retain", "release", "quarantine_release", "quarantine_discard"}
}

_in_window if input.context.now_ms - input.order.ended_ms <= lib.thresholds.rollback_window_ms

_theirs if lib.of_tenant(_person)

# An agent that acts for their tenants alone is theirs to stop, though no run is named.
_theirs if {
	input.order.name in {"stop", "go"}
	startswith(input.order.path, "agent:")
	tenants := data.remit.registry.agents[substring(input.order.path, 6, -1)].tenants
	count(tenants) > 0
	every tenant in tenants { tenant in _person.tenants }
}

_person := data.remit.registry.people[input.order.by]

_may if {
	some role in lib.thresholds.orders[input.order.name]
	role in _person.roles
}

_own if {
	input.order.name in {"hold", "rollback"}
	lib.same_party(input.order.by, input.principal.on_behalf_of)
}
