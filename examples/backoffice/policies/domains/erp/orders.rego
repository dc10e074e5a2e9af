# METADATA
# title: What may be ordered where
# description: Orders go to suppliers that purchasing has vetted. Who pays is asked by the global layer.
# labels: {owner: purchasing, control: S-13}
package remit.domains.erp.orders

import rego.v2

import data.remit.lib

_policy := "domains.erp.orders"

# METADATA
# labels: {concern: risk, control: S-13}
denies contains lib.reason("erp.supplier_not_vetted", _policy, "orders go to vetted suppliers only") if {
	input.action.tool == "erp.place_order@1"
	not _vetted
}

_vetted if input.action.arguments.supplier in lib.bounds("erp").suppliers
