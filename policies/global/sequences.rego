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

denies contains lib.reason(_code(rule), _policy, rule.message) if {
	some rule in _broken
	not _asks(rule)
}

gates contains lib.gate(_code(rule), _policy, object.get(rule, "gate", {}), rule.message) if {
	some rule in _broken
	_asks(rule)
}

_broken contains rule if {
	some rule in _rules
	some tool in object.get(rule, "needs", [])
	not tool in _done(rule)
}

_broken contains rule if {
	some rule in _rules
	some tool in object.get(rule, "forbids", [])
	tool in _done(rule)
}

_broken contains rule if {
	some rule in _rules
	_of_resource(rule)
	input.action.resource == ""
}

_rules contains rule if {
	input.action.purpose == "call"
	some rule in lib.thresholds.sequences
	lib.fits(input.action, rule.calls)
}

_done(rule) := input.history.on_resource if _of_resource(rule)

_done(rule) := input.history.tools if not _of_resource(rule)

_of_resource(rule) if object.get(rule, "same_resource", false)

_asks(rule) if object.get(rule, "do", "deny") == "gate"

_code(rule) := concat(".", ["sequence", replace(rule.name, "-", "_")])
