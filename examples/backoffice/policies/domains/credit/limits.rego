# METADATA
# title: Who gets a limit
# description: |
#   Hard rules refuse whatever the score, and nobody can overrule them. A score refuses, asks the credit
#   officer, or lets pass, by bounds that are data; so does an amount. Whom the officer's silence hands it
#   to stands with the gate. Reasons name the bound and never the applicant's values: they stay in the
#   record when those are forgotten.
# labels: {owner: credit, control: D-13}
package remit.domains.credit.limits

import rego.v2

import data.remit.lib

_policy := "domains.credit.limits"

_sets if input.action.tool == "credit.set_limit@1"

# METADATA
# labels: {concern: risk, control: D-13}
denies contains lib.reason("credit.barred", _policy, "a hard rule, whatever the score: the bureau's file has a mark that bars lending") if {
	_sets
	not _unmarked
}

# METADATA
# labels: {concern: risk, control: D-13}
denies contains lib.reason("credit.overindebted", _policy, "a hard rule, whatever the score: debt takes more of the income than may be lent on") if {
	_sets
	not _bearable
}

# METADATA
# labels: {concern: risk, control: D-13}
denies contains lib.reason("credit.score_too_low", _policy, "the score is below what anybody may be lent on") if {
	_sets
	not _scored
}

# METADATA
# labels: {concern: risk, control: D-13}
gates contains lib.gate("credit.review", _policy, lib.rule("credit", "gate"), _why) if _sets

_why := "the score is below what is lent on without asking" if {
	not _scored_well
} else := "the amount is above what is lent without asking" if {
	not _small
}

# Without the list of marks nothing is known to be none of them.
_unmarked if {
	barring := lib.bounds("credit").barring
	every flag in input.action.arguments.flags {
		not flag in barring
	}
}

_bearable if input.action.arguments.debt_bps <= lib.bounds("credit").debt_up_to_bps

_scored if input.action.arguments.score >= lib.bounds("credit").scores.refused_below

_scored_well if input.action.arguments.score >= lib.bounds("credit").scores.asked_below

_small if {
	input.action.arguments.amount_micros <= lib.bounds("credit").asked_above_micros
	input.action.arguments.currency == lib.thresholds.currency
}
