# METADATA
# title: Commercial fields
# description: |
#   An account owner decides on changes of commercial fields, wherever they stand in the arguments. Data:
#   `domains.crm.commercial_fields`, `.gate`, and `.redact_fields`, which no call may carry in plain.
# labels: {owner: sales, control: H-02}
package remit.domains.crm.fields

import rego.v2

import data.remit.lib

_policy := "domains.crm.fields"

_bounds := lib.bounds("crm")

# METADATA
# labels: {concern: risk, control: H-02}
gates contains lib.gate("crm.commercial_field", _policy, lib.rule("crm", "gate"), $"it changes {concat(", ", sort(_touched))}") if {
	input.action.operation != "read"
	count(_touched) > 0
}

# Without its bounds this rule set would stay silent.
# METADATA
# labels: {concern: governance, control: D-01}
denies contains lib.reason("crm.unbounded", _policy, "the registry holds no bounds for crm") if {
	not is_array(_bounds.commercial_fields)
}

# METADATA
# labels: {concern: privacy, control: S-05}
obligations contains {"type": "redact", "critical": true, "paths": sort(_hidden)} if count(_hidden) > 0

_touched contains name if {
	walk(input.action.arguments, [path, _])
	some name in path
	name in _bounds.commercial_fields
}

# `{"field": "discount", "value": 5}` names it just as well.
_touched contains name if {
	walk(input.action.arguments, [_, name])
	is_string(name)
	name in _bounds.commercial_fields
}

_hidden contains concat("/", [p | some part in array.concat([""], path); p := _escaped(part)]) if {
	count(_bounds.redact_fields) > 0
	walk(input.action.arguments, [path, _])
	path[count(path) - 1] in _bounds.redact_fields
}

_escaped(part) := replace(replace(part, "~", "~0"), "/", "~1") if is_string(part)

_escaped(part) := format_int(part, 10) if is_number(part)
