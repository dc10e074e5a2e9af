# METADATA
# title: What leaves its region
# description: |
#   Raw data goes to regions that are listed, and each time by leave of whoever answers for data protection.
#   An aggregate is asked of nobody. Calling a transfer back needs no leave.
# labels: {owner: analytics, control: S-08}
package remit.domains.analytics.transfers

import rego.v2

import data.remit.lib

_policy := "domains.analytics.transfers"

_transfers if input.action.tool == "analytics.transfer_extract@1"

# METADATA
# labels: {concern: regulatory, control: S-08}
gates contains lib.gate("analytics.raw_transfer", _policy, lib.rule("analytics", "gate"), "raw data leaves its region") if {
	_transfers
}

# METADATA
# labels: {concern: regulatory, control: S-08}
denies contains lib.reason("analytics.region", _policy, "raw data does not go to this region") if {
	_transfers
	not _listed
}

# What is said and where the tool is have to agree, or the officer is asked about something else.
_listed if {
	input.action.arguments.to_region == input.action.region
	input.action.region in lib.bounds("analytics").recipients
}
