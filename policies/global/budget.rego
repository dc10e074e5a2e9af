# METADATA
# title: Money
# description: |
#   What was spent, what others have reserved and what this call costs stay within the plan's limit, in
#   one currency. The counter is raised together with the intent, so that parallel calls cannot both
#   take the last of it. No budget stops an undo.
# labels: {owner: finance, control: P-08}
package remit.global.budget

import rego.v2

import data.remit.global.operation
import data.remit.lib

_policy := "global.budget"

_costs if input.action.cost.micros > 0

# METADATA
# scope: document
# labels: {concern: risk, control: P-08}
denies contains lib.reason("budget.currency", _policy, $"the call costs {input.action.cost.currency}, the limits are in {_currency}") if {
	_costs
	not input.action.cost.currency in {_currency, ""}
}

denies contains lib.reason("budget.currency", _policy, $"the plan's limit is in {input.budget.currency}, the rules' in {lib.thresholds.currency}") if {
	_costs
	not _currency == lib.thresholds.currency
}

denies contains lib.reason("budget.exceeded", _policy, $"it would spend {_after} of {input.budget.limit_micros} micros") if {
	_costs
	is_number(input.budget.limit_micros)
	_after > input.budget.limit_micros
}

denies contains lib.reason("budget.unbudgeted", _policy, "the plan states no limit, and the call is too dear to go without") if {
	_costs
	not is_number(input.budget.limit_micros)
	not input.action.cost.micros <= lib.thresholds.unbudgeted_deny_micros
}

# METADATA
# labels: {concern: risk, control: P-08}
gates contains lib.gate("budget.unbudgeted", _policy, rule, "the plan states no limit for what it spends") if {
	_costs
	not is_number(input.budget.limit_micros)
	rule := lib.thresholds.gates.unbudgeted
	not input.action.cost.micros <= rule.above_micros
	not input.action.domain in rule.except_domains
	not operation.asks_for_spending
}

# METADATA
# labels: {concern: risk, control: P-08}
reserves contains {
	"counter": $"run/{input.run.root}/micros",
	"amount": input.action.cost.micros,
	"ceiling": _ceiling,
} if {
	_costs
	input.action.purpose == "call"
}

_after := (input.budget.spent_micros + input.budget.reserved_micros) + input.action.cost.micros

default _ceiling := 9007199254740991

_ceiling := input.budget.limit_micros if is_number(input.budget.limit_micros)

# A plan without a limit names no currency; the rules' own holds.
_currency := input.budget.currency if input.budget.currency != ""

_currency := lib.thresholds.currency if input.budget.currency == ""
