# METADATA
# title: Amounts in bench
# labels: {owner: bench, control: H-02}
package remit.domains.bench.amount

import rego.v2

import data.remit.lib

_policy := "domains.bench.amount"

_bounds := lib.bounds("bench")

# METADATA
# labels: {concern: risk, control: H-02}
gates contains lib.gate("bench.amount", _policy, _bounds.gate, "it commits much") if {
	input.action.cost.micros > _bounds.gate.above_micros
}

# METADATA
# labels: {concern: risk, control: H-02}
denies contains lib.reason("bench.too_much", _policy, "it commits more than anybody may") if {
	input.action.cost.micros > _bounds.most_micros
}

# METADATA
# labels: {concern: governance, control: D-01}
denies contains lib.reason("bench.unbounded", _policy, "the registry holds no bounds") if {
	not is_number(_bounds.most_micros)
}
