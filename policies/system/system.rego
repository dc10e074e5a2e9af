# METADATA
# title: Remit's own activities
# description: |
#   There is no exempt list: each of Remit's activities is decided too, by type, worker role and the
#   workflow that asks. What is not named here is nobody's, and denied.
# labels: {owner: platform, control: D-01}
package remit.system

import rego.v2

import data.remit.lib

_policy := "system"

_everywhere := {"ExecutePlan", "ExecutePart", "UnwindPart", "RepairRun", "RollbackRun"}

# METADATA
# title: Activity type to the workflow types that may ask for it
# labels: {concern: governance, control: D-01}
activities := {
	"remit.admit": {"ExecutePlan"},
	"remit.admit_part": {"ExecutePart", "UnwindPart", "RepairRun", "RollbackRun"},
	"remit.expand": {"ExecutePlan", "ExecutePart"},
	"remit.outputs": {"ExecutePlan", "ExecutePart"},
	"remit.settle": _everywhere,
	"remit.vote": _everywhere,
	"remit.close_gate": _everywhere,
	"remit.resolve_doubt": _everywhere,
	"remit.repair": _everywhere,
	"remit.order": _everywhere,
	"remit.amend": {"ExecutePlan"},
	"remit.order_back": {"RollbackRun"},
	"remit.tend": {"TendRun"},
	"remit.stop": {"StopCalls"},
	"remit.propose_plan": {"ProposePlan"},
}

# METADATA
# title: Worker roles that run Remit's own activities
# labels: {concern: governance, control: D-01}
roles := {"orchestrate", "keeper"}

# METADATA
# title: Activities that other roles run, and only they
# labels: {concern: security, control: P-01}
apart := {"remit.propose_plan": {"plan"}}

# METADATA
# labels: {concern: governance, control: D-01}
permits contains lib.reason("system.permitted", _policy, "one of Remit's own activities") if {
	input.system.workflow_type in activities[input.system.activity]
	_role in _roles
}

# METADATA
# scope: document
# labels: {concern: governance, control: D-01}
denies contains lib.reason("system.unknown_activity", _policy, $"no policy knows the activity {input.system.activity}") if {
	not activities[input.system.activity]
}

denies contains lib.reason("system.wrong_role", _policy, $"a worker of role {input.system.role} does not run it") if {
	activities[input.system.activity]
	not _role in _roles
}

denies contains lib.reason("system.wrong_workflow", _policy, $"a workflow of type {input.system.workflow_type} does not ask for it") if {
	activities[input.system.activity]
	not input.system.workflow_type in activities[input.system.activity]
}

_roles := object.get(apart, [input.system.activity], roles)

# `tools:finance` is the role `tools`.
_role := split(input.system.role, ":")[0]
