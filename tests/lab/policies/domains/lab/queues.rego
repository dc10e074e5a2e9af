# METADATA
# title: Which queue answers
# description: |
#   A gate goes to the first queue of `domains.lab.queues` that fits the call's subject, risk and region;
#   where none fits, to whom `lib.gate` asks by default: a gate never vanishes for want of a queue.
package remit.domains.lab.queues

import rego.v2

import data.remit.lib
import data.remit.risk

gates contains lib.gate("lab.routed", "domains.lab.queues", _queue, "answered by its queue") if {
	startswith(input.action.arguments.name, "routed")
}

default _queue := {}

_queue := [queue | some queue in lib.rule("lab", "queues"); _fits(queue)][0]

_fits(queue) if {
	every about, wanted in queue.about {
		_call[about] == wanted
	}
}

_call := {
	"subject": split(input.action.arguments.name, "-")[1],
	"risk": risk.level,
	"region": input.action.region,
}
