# METADATA
# title: Which data about applicants may be used
# description: |
#   Data of applicants is asked about and lent on in its own region, and while it is fresh. Both are
#   judged again when a limit is set: what was fresh may have aged while people were asked.
# labels: {owner: credit, control: S-08}
package remit.domains.credit.files

import rego.v2

import data.remit.lib

_policy := "domains.credit.files"

_uses_file if input.action.tool in {"credit.open_inquiry@1", "credit.set_limit@1"}

# METADATA
# labels: {concern: regulatory, control: S-08}
denies contains lib.reason("credit.residency", _policy, "the applicant's data belongs to another region than this call") if {
	_uses_file
	not _resident
}

# METADATA
# labels: {concern: risk, control: D-13}
denies contains lib.reason("credit.stale", _policy, "the applicant's data was not confirmed lately enough") if {
	_uses_file
	not _fresh
}

# A call without a region is no applicant's.
_resident if {
	input.action.arguments.region == input.action.region
	input.action.region != ""
}

# What was confirmed in the future is not fresh but wrong.
_fresh if {
	age_ms := input.context.now_ms - (time.parse_rfc3339_ns(input.action.arguments.as_of) / 1000000)
	age_ms >= 0
	age_ms <= lib.bounds("credit").fresh_for_ms
}
