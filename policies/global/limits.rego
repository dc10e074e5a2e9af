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

denies contains lib.reason("limit.exhausted", _policy, $"{held.limit.name}: {held.limit.most} {held.limit.counts} of {held.party} in a window are used up") if {
	some held in _exhausted
	not _asks(held.limit)
}

gates contains lib.gate(concat(".", ["limit", replace(held.limit.name, "-", "_")]), _policy, object.get(held.limit, "gate", {}), $"{held.limit.most} {held.limit.counts} of {held.party} in a window are used up") if {
	some held in _exhausted
	_asks(held.limit)
}

reserves contains {"counter": held.counter, "amount": held.amount, "ceiling": held.limit.most} if {
	some held in _held
	not held in _exhausted
}

# Allowed all the same, it was a person who let it pass: it is counted, and nothing bounds it.
reserves contains {"counter": held.counter, "amount": held.amount, "ceiling": 9007199254740991} if {
	some held in _exhausted
}

_exhausted contains held if {
	some held in _held
	input.budget.counters[held.counter] + held.amount > held.limit.most
}

_held contains {"limit": limit, "party": party, "counter": _counter(name, limit), "amount": amount} if {
	input.action.purpose == "call"
	some [party, name, limit] in _limits
	lib.fits(input.action, object.get(limit, "of", {}))
	amount := _amount[limit.counts]
	amount > 0
}

_limits contains [$"the agent {input.principal.agent}", $"agent/{input.principal.agent}", limit] if {
	some limit in lib.agent.budgets
}

_limits contains [$"the tenant {input.principal.tenant}", $"tenant/{input.principal.tenant}", limit] if {
	some limit in data.remit.registry.tenants[input.principal.tenant].budgets
}

# A name in other letters is the same person; a counter's name outlives the run, so it names nobody.
_limits contains [input.principal.on_behalf_of, $"person/{crypto.sha256(_person)}", limit] if {
	some name in {input.principal.on_behalf_of, _person}
	some limit in data.remit.registry.people[name].budgets
}

_person := lower(trim_space(input.principal.on_behalf_of))

_amount := {"calls": 1, "micros": input.action.cost.micros}

_counter(name, limit) := concat("/", [name, limit.name, _window(limit)]) if limit.counts == "calls"

# The ending is what makes the ledger settle it with the actual cost.
_counter(name, limit) := concat("/", [name, limit.name, _window(limit), "micros"]) if limit.counts == "micros"

_window(limit) := format_int(floor(input.context.now_ms / limit.window_ms), 10)

_asks(limit) if object.get(limit, "do", "deny") == "gate"
