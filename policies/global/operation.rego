# METADATA
# title: Operation class
# description: |
#   Deleting and spending are gated, and whatever cannot be undone is never done without a person. Role
#   and expiry are data. A domain with rules of its own for spending is named in `except_domains`.
# labels: {owner: security, control: T-02}
package remit.global.operation

import rego.v2

import data.remit.lib

_policy := "global.operation"

_rules := lib.thresholds.gates

# METADATA
# labels: {concern: safety, control: T-02}
gates contains gate if some gate in _by_operation

# METADATA
# title: What cannot be undone; one gate answers both questions
# labels: {concern: safety, control: P-07}
gates contains lib.gate("operation.irreversible", _policy, _rules.irreversible, "it cannot be undone") if {
	input.action.irreversible
	count(_by_operation) == 0
}

# METADATA
# labels: {concern: safety, control: T-02}
denies contains lib.reason("purpose.not_a_read", _policy, "a probe or a read-back only reads") if {
	input.action.purpose != "call"
	input.action.operation != "read"
}

# METADATA
# labels: {concern: safety, control: T-02}
undo_denies contains reason if some reason in denies

_by_operation contains lib.gate("operation.delete", _policy, _rules.delete, "it deletes") if {
	input.action.operation == "delete"
	_applies(_rules.delete)
}

_by_operation contains lib.gate("operation.spend", _policy, _rules.spend, "it spends") if asks_for_spending

_by_operation contains lib.gate("operation.spend_large", _policy, _rules.large_spend, $"it spends more than {_rules.large_spend.above_micros} micros") if {
	input.action.operation == "spend"
	_applies(_rules.large_spend)
}

# METADATA
# title: Whether a budget holder is asked already
# labels: {concern: safety, control: T-02}
asks_for_spending if {
	input.action.operation == "spend"
	_applies(_rules.spend)
}

_applies(rule) if {
	not input.action.domain in rule.except_domains
	not _small(rule)
}

# A gate with no amount of its own is asked for whatever the call costs, nothing included.
_small(rule) if {
	rule.above_micros > 0
	input.action.cost.micros <= rule.above_micros
}
