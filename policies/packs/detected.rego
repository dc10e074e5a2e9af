# METADATA
# title: Data that was found
# description: |
#   What becomes of a call in whose arguments data of certain classes was found: it is refused, asked about,
#   or made without that data. Of answers, what is found of such classes is taken away before anything of them
#   is recorded. Where the arguments could not be looked through, anything may be in them.
# labels: {owner: security, control: V-02}
package remit.packs.detected

import rego.v2

import data.remit.lib

_policy := "packs.detected"

# METADATA
# labels: {concern: privacy, control: V-02}
denies contains lib.reason("detected.refused", _policy, $"{entry.name}: {_shown(entry)} in the arguments") if {
	some entry in _met
	entry.do == "deny"
}

# METADATA
# labels: {concern: privacy, control: V-02}
gates contains lib.gate("detected.asked", _policy, object.get(entry, "gate", {}), $"{entry.name}: {_shown(entry)} in the arguments") if {
	some entry in _met
	entry.do == "gate"
}

# METADATA
# scope: document
# labels: {concern: privacy, control: V-02}
obligations contains {"type": "redact", "critical": true, "paths": [], "classes": entry.classes} if {
	some entry in _met
	entry.do == "redact"
}

obligations contains {"type": "redact", "critical": true, "paths": [], "classes": entry.classes, "of": "output"} if {
	some entry in _entries
	object.get(entry, "of", "arguments") == "output"
}

_entries contains entry if {
	input.action.purpose == "call"
	input.action.direction == "do"
	some entry in lib.thresholds.packs.detected
	lib.fits(lib.called, object.get(entry, "calls", {}))
}

_met contains entry if {
	some entry in _entries
	object.get(entry, "of", "arguments") == "arguments"
	_is_met(entry)
}

_is_met(entry) if {
	some class in entry.classes
	class in input.action.detected.classes
}

_is_met(_) if not input.action.detected.whole

_shown(entry) := concat(", ", _found(entry)) if input.action.detected.whole

else := "what could not be looked through"

_found(entry) := sort([class | some class in entry.classes; class in input.action.detected.classes])
