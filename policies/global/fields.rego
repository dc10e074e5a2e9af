# METADATA
# title: Fields of records
# description: |
#   Which members of a tool's arguments an agent may set, and which of its answers it may read. Data:
#   `agents.<agent>.fields.<tool>`, JSON pointers with what is below them. An agent without a table for
#   a tool is not bounded here.
# labels: {owner: security, control: T-03}
package remit.global.fields

import rego.v2

import data.remit.lib

_policy := "global.fields"

_table := lib.agent.fields[input.action.tool]

# METADATA
# title: Members that the agent may not set
# labels: {concern: security, control: T-03}
denies contains lib.reason("field.not_settable", _policy, $"{input.principal.agent} may not set {_shown(path)} with {input.action.tool}") if {
	input.action.purpose == "call"
	some path in _set
	not _covered(path)
}

# A lost answer of such a tool is asked for by other ways, which no table of answers bounds.
# METADATA
# title: Answers can be bounded where nothing but reading happens
# labels: {concern: security, control: T-03}
denies contains lib.reason("field.read_of_effect", _policy, $"what {input.action.tool} answers cannot be bounded: it does more than read") if {
	is_array(_table.read)
	input.action.operation != "read"
}

# METADATA
# title: What of the answer may stand
# labels: {concern: security, control: T-03}
obligations contains {"type": "keep", "critical": true, "paths": _table.read} if is_array(_table.read)

_set contains path if {
	is_array(_table.set)
	walk(input.action.arguments, [path, value])
	_is_leaf(value)
}

_is_leaf(value) if not type_name(value) in {"object", "array"}

_is_leaf(value) if count(value) == 0

_covered(path) if {
	some pointer in _table.set
	tokens := array.slice(split(pointer, "/"), 1, 100)
	every number, token in tokens {
		_same(_unescaped(token), path[number])
	}
}

_same("*", _)

_same(token, part) if token == _text(part)

_unescaped(token) := replace(replace(token, "~1", "/"), "~0", "~")

_text(part) := part if is_string(part)

else := format_int(part, 10)

_shown(path) := concat("/", [text | some part in array.concat([""], path); text := _text(part)])
