# METADATA
# title: Proposals
# description: |
#   Judges each proposal before a planner is asked for a plan. Permits an agent that holds `plan.propose`,
#   as often and for as much money as the project says. Who may have a plan proposed is who may start
#   one. What is proposed is judged as any plan is.
# labels: {owner: security, control: P-01}
package remit.proposals

import rego.v2

import data.remit.admission
import data.remit.global.agents
import data.remit.lib

_policy := "proposals"

# METADATA
# labels: {concern: security, control: P-01}
permits contains lib.reason("proposal.permitted", _policy, "the agent may have plans proposed") if _scoped

# What has no plan to speak of says nothing here; what is left is about the agent and the starter.
# METADATA
# scope: document
# labels: {concern: security, control: P-01}
denies contains reason if some reason in admission.denies

denies contains reason if some reason in agents.plan_denies

denies contains lib.reason("proposal.scope_missing", _policy, $"{input.principal.agent} does not hold plan.propose") if {
	lib.agent
	not _scoped
}

denies contains lib.reason("proposal.rounds", _policy, "the planner was asked as often as it may be") if {
	input.proposal.round > input.proposal.rounds
}

denies contains lib.reason("proposal.budget", _policy, "what the planner was given for this is spent") if {
	input.budget.spent_micros + input.proposal.cost.micros > input.budget.limit_micros
	is_number(input.budget.limit_micros)
}

denies contains lib.reason("proposal.currency", _policy, $"the planner costs {input.proposal.cost.currency}, another currency") if {
	input.proposal.cost.micros > 0
	not input.proposal.cost.currency == lib.thresholds.currency
}

_scoped if lib.covers(lib.agent.scopes, "plan", "propose")
