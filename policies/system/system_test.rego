package remit.system_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main
import data.remit.system

decide(activity, role, workflow) := decision if {
	decision := main.decision with input as facts.system(activity, role, workflow)
}

test_each_activity_where_it_belongs if {
	every activity, workflows in object.remove(system.activities, object.keys(system.apart)) {
		every workflow in workflows {
			decide(activity, "orchestrate", workflow).effect == "allow"
		}
	}
}

test_planners_are_asked_by_their_own_role_alone if {
	decide("remit.propose_plan", "plan", "ProposePlan").effect == "allow"
	every role in ["orchestrate", "keeper", "tools", ""] {
		facts.codes(decide("remit.propose_plan", role, "ProposePlan").reasons) == {"system.wrong_role"}
	}
	facts.codes(decide("remit.propose_plan", "plan", "ExecutePlan").reasons) == {"system.wrong_workflow"}
}

test_the_keeper_runs_them_too if {
	facts.codes(decide("remit.settle", "keeper", "RepairRun").permits) == {"system.permitted"}
}

test_an_unknown_activity_is_denied if {
	decision := decide("remit.format_disk", "orchestrate", "ExecutePlan")
	decision.effect == "deny"
	facts.codes(decision.reasons) == {"system.unknown_activity"}
}

test_a_tool_worker_runs_none if {
	every role in ["tools", "tools:finance", "plan", ""] {
		decision := decide("remit.settle", role, "ExecutePlan")
		facts.codes(decision.reasons) == {"system.wrong_role"}
	}
}

test_another_workflow_does_not_ask if {
	every workflow in ["", "Mine", "executeplan"] {
		decision := decide("remit.settle", "orchestrate", workflow)
		facts.codes(decision.reasons) == {"system.wrong_workflow"}
	}
	decide("remit.admit", "orchestrate", "ExecutePart").effect == "deny"
}

test_a_project_cannot_be_asked_instead if {
	decision := main.decision with input as facts.system("remit.other", "orchestrate", "ExecutePlan")
		with data.remit.domains.system.x.permits as {{"code": "a.b", "policy": "x", "message": ""}}
	decision.effect == "deny"
}

test_only_what_belongs_is_permitted if {
	every given in [
		facts.system("remit.settle", "tools", "ExecutePlan"),
		facts.system("remit.settle", "orchestrate", "Mine"),
		facts.system("remit.other", "orchestrate", "ExecutePlan"),
	] {
		permits := system.permits with input as given
		permits == set()
	}
}

test_an_unknown_activity_is_refused_for_that_alone if {
	facts.codes(decide("remit.other", "tools", "Mine").reasons) == {"system.unknown_activity"}
}
