# METADATA
# title: Budgets and rates over runs
# description: |
#   What an agent, a person or a tenant may do in a window of time, over all of its runs. Nothing is read
#   for it: each call asks to raise a counter up to its bound, together with its intent, so that parallel
#   calls cannot share the last of it. Only where that failed do the facts tell the counters' values, and
#   the call is refused, or a person asked. No limit stops an undo.
# labels: {owner: finance, control: T-07}
package remit.global.limits

import rego.v2

import data.remit.lib

_policy := "global.limits"

# METADATA
# scope: document
# labels: {concern: risk, control: T-07}
denies contains lib.reason("limit.exhausted", _policy, $"{held.limit.name}: {held.limit.most} {held.limit.counts} of {held.party} in a window are used up") if {
	some held in _held
	_is_exhausted(held)
	not _asks(held.limit)
}

# METADATA
# scope: document
# labels: {concern: risk, control: T-07}
gates contains lib.gate(concat(".", ["limit", replace(held.limit.name, "-", "_")]), _policy, object.get(held.limit, "gate", {}), $"{held.limit.most} {held.limit.counts} of {held.party} in a window are used up") if {
	some held in _held
	_is_exhausted(held)
	_asks(held.limit)
}

# METADATA
# scope: document
# labels: {concern: risk, control: T-07}
reserves contains {"counter": held.counter, "amount": held.amount, "ceiling": _ceiling(held)} if {
	some held in _held
}

_ceiling(held) := held.limit.most if not _is_exhausted(held)

# Allowed all the same, it was a person who let it pass: it is counted, and nothing bounds it.
_ceiling(held) := 9007199254740991 if _is_exhausted(held)

_is_exhausted(held) if input.budget.counters[held.counter] + held.amount > held.limit.most

_held contains _holding($"the agent {input.principal.agent}", $"agent/{input.principal.agent}", limit) if {
	some limit in lib.agent.budgets
	_counts(limit)
}

_held contains _holding($"the tenant {input.principal.tenant}", $"tenant/{input.principal.tenant}", limit) if {
	some limit in data.remit.registry.tenants[input.principal.tenant].budgets
	_counts(limit)
}

# A counter's name outlives the run, so it names nobody.
_held contains _holding(_person, $"person/{crypto.sha256(_person)}", limit) if {
	some limit in data.remit.registry.people[lower(trim_space(input.principal.on_behalf_of))].budgets
	_counts(limit)
}

# A name in other letters is the same person.
_person := lower(trim_space(input.principal.on_behalf_of))

_counts(limit) if {
	input.action.purpose == "call"
	lib.fits(lib.called, object.get(limit, "of", {}))
	_amount(limit) > 0
}

_holding(party, name, limit) := {"limit": limit, "party": party, "counter": _counter(name, limit), "amount": _amount(limit)}

_amount(limit) := 1 if limit.counts == "calls"

_amount(limit) := input.action.cost.micros if limit.counts == "micros"

_amount(limit) := input.action.takes.ms if limit.counts == "ms"

_amount(limit) := input.action.takes.tokens if {
	limit.counts == "tokens"
	input.action.takes.tokens != null
}

# What nothing bounds fits no bound.
_amount(limit) := limit.most + 1 if {
	limit.counts == "tokens"
	input.action.takes.tokens == null
}

_counter(name, limit) := concat("/", [name, limit.name, _window(limit)]) if limit.counts == "calls"

# The ending is what makes the ledger settle it with what the call took.
_counter(name, limit) := concat("/", [name, limit.name, _window(limit), limit.counts]) if limit.counts != "calls"

_window(limit) := format_int(floor(input.context.now_ms / limit.window_ms), 10)

_asks(limit) if limit.do == "gate"
