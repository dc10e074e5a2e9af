# METADATA
# title: Arguments in bench
# labels: {owner: bench, control: H-02}
package remit.domains.bench.fields

import rego.v2

import data.remit.lib

_policy := "domains.bench.fields"

_bounds := lib.bounds("bench")

# METADATA
# labels: {concern: risk, control: H-02}
gates contains lib.gate("bench.guarded_field", _policy, _bounds.gate, "it changes what somebody guards") if {
	input.action.operation != "read"
	walk(input.action.arguments, [path, _])
	some name in path
	name in _bounds.guarded_fields
}

# METADATA
# labels: {concern: privacy, control: S-05}
denies contains lib.reason("bench.forbidden_field", _policy, "it carries what must not be sent") if {
	walk(input.action.arguments, [path, _])
	path[count(path) - 1] in _bounds.forbidden_fields
}

# METADATA
# labels: {concern: privacy, control: S-05}
obligations contains {"type": "redact", "critical": true, "paths": sort(_hidden)} if count(_hidden) > 0

_hidden contains concat("/", ["", name]) if {
	some name, _ in input.action.arguments
	name in _bounds.redact_fields
}
