# METADATA
# title: Vendors
# description: A tool whose vendor nobody has reviewed in time is not called; what it did is still undone.
# labels: {owner: security, control: S-13}
package remit.packs.vendor

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: risk, control: S-13}
denies contains lib.reason("vendor.review_overdue", "packs.vendor", $"the review of {vendor.name} is overdue") if {
	vendor := lib.thresholds.packs.vendors[input.action.tool]
	input.context.now_ms > vendor.review_due_ms
}
