# METADATA
# title: Where data may be worked on
# description: |
#   Data of a class stays in the regions that are listed for it: the tool's, and the worker's, whose region
#   is nowhere while its settings do not say. What counts is what flows into the call and what the tool holds.
# labels: {owner: security, control: S-08}
package remit.packs.residency

import rego.v2

import data.remit.lib

_policy := "packs.residency"

# METADATA
# scope: document
# labels: {concern: regulatory, control: S-08}
denies contains lib.reason("residency.tool", _policy, $"data of class {class} does not go to the region {input.action.region}") if {
	some class, regions in lib.thresholds.packs.residency
	class in _classes
	not input.action.region in regions
}

denies contains lib.reason("residency.worker", _policy, $"data of class {class} is not worked on in the region {input.context.region}") if {
	some class, regions in lib.thresholds.packs.residency
	class in _classes
	not input.context.region in regions
}

_classes := {class | some class in array.concat(input.action.data_classes, input.action.inflow)}
