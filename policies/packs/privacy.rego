# METADATA
# title: What data may be used for
# description: Data of a class flows into the tools of those domains alone that have a purpose for it.
# labels: {owner: security, control: S-05}
package remit.packs.privacy

import rego.v2

import data.remit.lib

# METADATA
# labels: {concern: privacy, control: S-05}
denies contains lib.reason("privacy.purpose", "packs.privacy", $"{input.action.domain} has no purpose for data of class {class}") if {
	some class, purpose in lib.thresholds.packs.privacy
	class in input.action.inflow
	not input.action.domain in purpose.domains
}
