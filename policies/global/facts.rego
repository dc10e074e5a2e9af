# METADATA
# title: Required facts
# description: |
#   An absent fact is undefined, and a rule that needs it stays silent; so absence itself denies. While
#   the facts are not well formed nothing but these findings is evaluated.
# labels: {owner: security, control: D-01}
package remit.global.facts

import rego.v2

import data.remit.lib
import data.remit.lib.shape

_policy := "global.facts"

_absent := "\u0000absent"

# METADATA
# scope: document
# labels: {concern: governance, control: D-01}
findings contains lib.reason("input.malformed", _policy, "the facts are not well formed")

findings contains lib.reason("input.kind", _policy, "the kind of decision is unknown") if {
	not object.get(_given, ["kind"], "") in object.keys(shape.parts)
}

findings contains lib.reason("input.missing", _policy, $"required part is missing: {part}") if {
	some part in _parts
	not is_object(object.get(_given, [part], null))
}

findings contains lib.reason("input.missing", _policy, $"required fact is missing: {_shown(leaf)}") if {
	some leaf in _leaves
	_value(leaf) == _absent
}

findings contains lib.reason("input.null", _policy, $"fact is null: {_shown(leaf)}") if {
	some leaf in _leaves
	_value(leaf) == null
	not "null" in leaf.types
}

findings contains lib.reason("input.type", _policy, $"fact has the wrong type: {_shown(leaf)}") if {
	some leaf in _leaves
	not _value(leaf) in {null, _absent}
	not _right_type(leaf, _value(leaf))
}

findings contains lib.reason("input.value", _policy, $"fact has a value that is not known: {_shown(leaf)}") if {
	some leaf in _leaves
	count(leaf.values) > 0
	is_string(_value(leaf))
	not _value(leaf) in (leaf.values | {_absent})
}

default _given := {}

_given := input if is_object(input)

_parts := shape.parts[input.kind]

_leaves contains leaf if {
	some leaf in shape.leaves
	leaf.path[0] in _parts
	is_object(object.get(_given, [leaf.path[0]], null))
}

_value(leaf) := object.get(_given, leaf.path, _absent)

_shown(leaf) := concat(".", leaf.path)

_right_type(leaf, value) if type_name(value) in leaf.types

_right_type(leaf, value) if {
	is_number(value)
	"integer" in leaf.types
	value == floor(value)
	value >= 0
}
