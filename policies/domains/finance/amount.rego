# METADATA
# title: Amounts
# description: |
#   From a first amount on a budget holder decides, from a second one on a finance approver too. Data:
#   `domains.finance.gate` and `.large`, each `{role, above_micros, expires_in_ms}`.
# labels: {owner: finance, control: H-02}
package remit.domains.finance.amount

import rego.v2

import data.remit.lib

_policy := "domains.finance.amount"

_bounds := lib.bounds("finance")

# METADATA
# scope: document
# labels: {concern: risk, control: H-02}
gates contains lib.gate("finance.amount", _policy, _bounds.gate, $"it commits more than {_bounds.gate.above_micros} micros") if {
	_costs_more(_bounds.gate)
}

gates contains lib.gate("finance.large_amount", _policy, _bounds.large, $"it commits more than {_bounds.large.above_micros} micros") if {
	_costs_more(_bounds.large)
}

# Without its bounds this rule set would stay silent.
# METADATA
# labels: {concern: governance, control: D-01}
denies contains lib.reason("finance.unbounded", _policy, "the registry holds no bounds for finance") if {
	some name in {"gate", "large"}
	not is_number(_bounds[name].above_micros)
}

_costs_more(rule) if input.action.cost.micros > rule.above_micros
