# METADATA
# title: Tolerance
# description: |
#   Data says how much risk, and how little confidence, is taken unattended, told, asked about, or
#   refused. It adds to what other rules ask and lifts nothing: a score can only make an outcome stricter.
# labels: {owner: security, control: P-11}
package remit.packs.tolerance

import rego.v2

import data.remit.lib
import data.remit.risk

_policy := "packs.tolerance"

# METADATA
# labels: {concern: risk, control: P-11}
denies contains lib.reason("tolerance.exceeded", _policy, "nobody lets a call of such risk or so little confidence be made") if {
	input.action.purpose == "call"
	"deny" in _treatments
}

# METADATA
# scope: document
# labels: {concern: risk, control: P-11}
gates contains lib.gate("tolerance.approval", _policy, _gate, "a call of such risk or so little confidence is asked about") if {
	"approve" in _treatments
}

# Where nobody can be told, somebody is asked.
gates contains lib.gate("tolerance.approval", _policy, _gate, "nobody could be told of the call") if {
	"notify" in _treatments
	not "notify" in input.context.capabilities
}

# METADATA
# labels: {concern: risk, control: P-11}
obligations contains {"type": "notify", "critical": true, "role": object.get(_gate, "role", "operator"), "message": "a call of such risk or so little confidence"} if {
	input.action.purpose == "call"
	input.action.direction == "do"
	"notify" in _treatments
	"notify" in input.context.capabilities
}

_gate := object.get(lib.thresholds.packs.tolerance, "gate", {})

_treatments contains lib.thresholds.packs.tolerance.risk[risk.level]

_treatments contains band.do if {
	some band in lib.thresholds.packs.tolerance.confidence
	is_number(input.action.confidence)
	input.action.confidence < band.below
}
