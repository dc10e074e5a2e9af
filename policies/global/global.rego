# METADATA
# title: The global layer
# description: |
#   What restricts everybody, gathered by name: a module is read when it stands here. It can never
#   permit. What an undo is held to stands in `undo_…`, what a whole plan is held to in `plan_denies`. A
#   module that most calls give nothing to say is not even asked: that is what a `count` or a
#   cost here is for.
# labels: {owner: security, control: D-04}
package remit.global

import rego.v2

import data.remit.global.agents
import data.remit.global.autonomy
import data.remit.global.budget
import data.remit.global.ceiling
import data.remit.global.egress
import data.remit.global.fields
import data.remit.global.limits
import data.remit.global.operation
import data.remit.global.plan
import data.remit.global.plan_flow
import data.remit.global.plan_order
import data.remit.global.registry
import data.remit.global.run
import data.remit.global.sequences
import data.remit.lib
import data.remit.packs

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
denies contains reason if some reason in agents.denies

denies contains reason if {
	input.action.cost.micros > 0
	some reason in budget.denies
}

denies contains reason if {
	count(input.principal.delegation) > 0
	some reason in ceiling.denies
}

denies contains reason if some reason in egress.denies

denies contains reason if some reason in fields.denies

denies contains reason if {
	count(input.budget.counters) > 0
	some reason in limits.denies
}

denies contains reason if some reason in operation.denies

denies contains reason if some reason in registry.denies

denies contains reason if some reason in run.denies

denies contains reason if {
	count(lib.thresholds.sequences) > 0
	some reason in sequences.denies
}

denies contains reason if {
	packs.used
	some reason in packs.denies
}

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
undo_denies contains reason if some reason in agents.undo_denies

undo_denies contains reason if some reason in egress.undo_denies

undo_denies contains reason if some reason in operation.undo_denies

undo_denies contains reason if some reason in run.undo_denies

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
plan_denies contains reason if some reason in agents.plan_denies

plan_denies contains reason if some reason in ceiling.plan_denies

plan_denies contains reason if some reason in egress.plan_denies

plan_denies contains reason if some reason in plan.plan_denies

plan_denies contains reason if some reason in plan_flow.plan_denies

plan_denies contains reason if some reason in plan_order.plan_denies

plan_denies contains reason if some reason in registry.plan_denies

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
gates contains gate if some gate in autonomy.gates

gates contains gate if {
	input.action.cost.micros > 0
	some gate in budget.gates
}

gates contains gate if {
	count(input.budget.counters) > 0
	some gate in limits.gates
}

gates contains gate if some gate in operation.gates

gates contains gate if {
	count(lib.thresholds.sequences) > 0
	some gate in sequences.gates
}

gates contains gate if {
	packs.used
	some gate in packs.gates
}

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
reserves contains reserve if {
	input.action.cost.micros > 0
	some reserve in budget.reserves
}

reserves contains reserve if some reserve in limits.reserves

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
obligations contains obligation if some obligation in fields.obligations

obligations contains obligation if {
	packs.used
	some obligation in packs.obligations
}
