# METADATA
# title: Which candidate may take the place of the policies in force
# description: |
#   The policies in force judge their successor by the report of a what-if. One that errs, that cannot
#   be compared, or whose report is old or of other policies, is refused; one that permits more, or stops
#   more work than data says, needs somebody who answers for policies, other than its author.
# labels: {owner: security, control: D-07}
package remit.promotion

import rego.v2

import data.remit.lib

_policy := "promotion"

# METADATA
# labels: {concern: governance, control: D-07}
permits contains lib.reason("promotion.permitted", _policy, "a candidate of a known person") if _author

# METADATA
# labels: {concern: governance, control: D-07}
denies contains lib.reason("promotion.unknown_person", _policy, $"nobody is known as {input.promotion.by}") if not _author

# METADATA
# labels: {concern: governance, control: D-07}
denies contains lib.reason("promotion.unverified", _policy, "the name behind the candidate is not proven") if {
	not input.promotion.verified
	input.context.profile != "light"
}

# METADATA
# labels: {concern: governance, control: D-07}
denies contains lib.reason("promotion.other_base", _policy, "the report compares with other policies than those in force") if not _in_force

# METADATA
# labels: {concern: governance, control: D-07}
denies contains lib.reason("promotion.stale_report", _policy, "the report is too old") if not _fresh

# METADATA
# labels: {concern: governance, control: D-07}
denies contains lib.reason("promotion.errors", _policy, $"the candidate has no answer to {input.promotion.errors} recorded decisions") if {
	input.promotion.errors > 0
}

# METADATA
# labels: {concern: governance, control: D-07}
denies contains lib.reason("promotion.unreproducible", _policy, $"{input.promotion.unreproducible} recorded decisions could not be reproduced") if {
	input.promotion.unreproducible > 0
}

# METADATA
# labels: {concern: governance, control: D-07}
denies contains lib.reason("promotion.approval_missing", _policy, "the candidate permits more, and nobody but its author approved this report") if {
	_widens
	not _approved
}

# METADATA
# title: What would stop too much work
# labels: {concern: governance, control: D-07}
denies contains lib.reason("promotion.disrupts", _policy, $"{found} recorded calls would be {what}, more than {most}, and nobody but its author approved this report") if {
	some [found, most, what] in _disruptions
	found > most
	not _approved
}

_disruptions contains [input.promotion.breaks, most, "refused"] if {
	most := lib.thresholds.promotion.max_breaks
	is_number(most)
}

_disruptions contains [input.promotion.gates, most, "asked about"] if {
	most := lib.thresholds.promotion.max_gates
	is_number(most)
}

_author := data.remit.registry.people[input.promotion.by]

_in_force if input.promotion.base == data.remit.revision

_fresh if input.promotion.report_age_ms <= lib.thresholds.promotion.max_report_age_ms

_widens if input.promotion.widens > 0

_widens if count(input.promotion.widens_data) > 0

# Nothing was decided yet, so history says nothing about what it would permit.
_widens if input.promotion.decisions == 0

_approved if {
	some by in input.promotion.approvers
	lib.thresholds.promotion.role in data.remit.registry.people[by].roles
	not lib.same_party(by, input.promotion.by)
}
