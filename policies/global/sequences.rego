# METADATA
# title: What must come before, and what must not
# description: |
#   Rules over what the run, or anybody with the same resource, has done: data, so that no order of steps
#   needs code. A call whose resource is not known breaks a rule about resources.
# labels: {owner: security, control: D-14}
package remit.global.sequences

import rego.v2

import data.remit.lib

_policy := "global.sequences"

# METADATA
# scope: document
# labels: {concern: safety, control: D-14}
denies contains lib.reason(_code(rule), _policy, rule.message) if {
	some rule in lib.thresholds.sequences
	not _asks(rule)
	_broken(rule)
}

# METADATA
# scope: document
# labels: {concern: safety, control: D-14}
gates contains lib.gate(_code(rule), _policy, object.get(rule, "gate", {}), rule.message) if {
	some rule in lib.thresholds.sequences
	_asks(rule)
	_broken(rule)
}

_broken(rule) if {
	input.action.purpose == "call"
	lib.fits(lib.called, rule.calls)
	_disagrees(rule)
}

_disagrees(rule) if {
	some tool in rule.needs
	not tool in _done(rule)
}

_disagrees(rule) if {
	some tool in rule.forbids
	tool in _done(rule)
}

_disagrees(rule) if {
	rule.same_resource
	input.action.resource == ""
}

_done(rule) := input.history.on_resource if rule.same_resource

_done(rule) := input.history.tools if not rule.same_resource

_asks(rule) if rule.do == "gate"

_code(rule) := concat(".", ["sequence", replace(rule.name, "-", "_")])
