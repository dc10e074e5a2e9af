# METADATA
# title: Vendors
# description: |
#   A tool whose vendor nobody has reviewed in time, or that needs a vendor and has none, is not called; how much
#   risk of a vendor is taken is data. What a tool did is still undone.
# labels: {owner: security, control: S-13}
package remit.packs.vendor

import rego.v2

import data.remit.global.egress
import data.remit.lib

_policy := "packs.vendor"

# METADATA
# scope: document
# labels: {concern: risk, control: S-13}
denies contains lib.reason("vendor.review_overdue", _policy, $"the review of {_vendor.name} is overdue") if {
	input.context.now_ms > _vendor.review_due_ms
}

denies contains lib.reason("vendor.unknown", _policy, $"nobody has looked at who stands behind {input.action.tool}") if {
	_needed
	not _vendor
}

denies contains lib.reason("vendor.risk", _policy, $"{_vendor.name} is of {_vendor.risk} risk, which nobody takes") if {
	_rule.risk[_vendor.risk] == "deny"
}

# METADATA
# labels: {concern: risk, control: S-13}
gates contains lib.gate("vendor.approval", _policy, object.get(_rule, "gate", {}), $"{_vendor.name} is of {_vendor.risk} risk") if {
	_rule.risk[_vendor.risk] == "approve"
}

_vendor := lib.thresholds.packs.vendors[input.action.tool]

_rule := lib.thresholds.packs.vendor_rule

_needed if {
	some selector in _rule.needed
	lib.fits(lib.called, selector)
}

# Whoever keeps a list of hosts of their own has an outside tool in whatever reaches another one.
_needed if {
	some host in input.action.destinations
	not egress.reaches(_rule.own, host)
	is_array(_rule.own)
}
