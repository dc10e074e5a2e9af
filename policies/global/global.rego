# METADATA
# title: The global layer
# description: |
#   What restricts everybody, gathered by name: a module is read when it stands here. It can never
#   permit. What an undo is held to stands in `undo_…`, what a whole plan is held to in `plan_denies`.
# labels: {owner: security, control: D-04}
package remit.global

import rego.v2

import data.remit.global.agents
import data.remit.global.autonomy
import data.remit.global.budget
import data.remit.global.egress
import data.remit.global.fields
import data.remit.global.operation
import data.remit.global.plan
import data.remit.global.registry
import data.remit.global.run
import data.remit.global.sequences
import data.remit.packs

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
denies contains reason if some reason in agents.denies

denies contains reason if some reason in budget.denies

denies contains reason if some reason in egress.denies

denies contains reason if some reason in fields.denies

denies contains reason if some reason in operation.denies

denies contains reason if some reason in registry.denies

denies contains reason if some reason in run.denies

denies contains reason if some reason in sequences.denies

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

plan_denies contains reason if some reason in egress.plan_denies

plan_denies contains reason if some reason in plan.plan_denies

plan_denies contains reason if some reason in registry.plan_denies

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
gates contains gate if some gate in autonomy.gates

gates contains gate if some gate in budget.gates

gates contains gate if some gate in operation.gates

gates contains gate if some gate in sequences.gates

gates contains gate if {
	packs.used
	some gate in packs.gates
}

# METADATA
# labels: {concern: governance, control: D-04}
reserves contains reserve if some reserve in budget.reserves

# METADATA
# scope: document
# labels: {concern: governance, control: D-04}
obligations contains obligation if some obligation in fields.obligations

obligations contains obligation if {
	packs.used
	some obligation in packs.obligations
}
