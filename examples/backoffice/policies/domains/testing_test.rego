# Facts for the tests of this folder: a call that is well formed, by the buyer of the example. Tests
# stand outside of `data.remit.domains`, which the decision that they ask for reads as a whole.
package example.testing_test

import rego.v2

# A call of `tool`; `changes` is laid over the action, `who` over the principal.
call(tool, operation, arguments, changes, who) := {
	"schema_version": 1,
	"kind": "call",
	"principal": object.union(_principal, who),
	"action": object.union(_action(tool, operation, arguments), changes),
	"plan": _plan,
	"budget": {"currency": "EUR", "limit_micros": 20000000000, "spent_micros": 0, "reserved_micros": 0, "counters": {}},
	"history": {"calls": 0, "effects": 0, "denials": 0, "undone": 0, "tools": [], "on_resource": []},
	"grants": [],
	"vote": null,
	"order": null,
	"promotion": null,
	"proposal": null,
	"system": null,
	"run": {"root": "run-1", "workflow_id": "w", "run_id": "run-1", "path": "", "started_ms": 0, "deadline_ms": 9000},
	"context": {
		"now_ms": 1000, "scheduled_ms": 1000, "environment": "test", "region": "eu", "profile": "light",
		"capabilities": ["redact", "limit", "keep", "notify", "log"],
	},
}

# The facts of `of`, with a grant of `role` for the gate `code`.
granted(of, code, role, by) := object.union(of, {"grants": array.concat(of.grants, [{
	"gate": "s#1",
	"code": code,
	"role": role,
	"by": [by],
	"instead_of": [""],
	"proposed_digest": of.action.proposed_digest,
	"enforced_digest": of.action.proposed_digest,
	"expires_ms": 5000,
}])})

codes(reasons) := {reason.code | some reason in reasons}

_principal := {
	"agent": "buyer",
	"agent_version": "1.4.0",
	"on_behalf_of": "requester@acme.example",
	"tenant": "acme",
	"verified": false,
	"delegation": [],
	"starter": "",
}

_action(tool, operation, arguments) := {
	"step_key": "run-1:s:do",
	"path": "s",
	"step": "s",
	"direction": "do",
	"purpose": "call",
	"attempt": 1,
	"tool": tool,
	"tool_version": "1.0.0",
	"contract_digest": "sha256:c",
	"domain": split(tool, ".")[0],
	"operation": operation,
	"irreversible": false,
	"data_classes": [],
	"region": "eu",
	"destinations": ["127.0.0.1", "localhost", "backoffice"],
	"resource": "",
	"inflow": [],
	"detected": {"classes": [], "places": [], "whole": true},
	"arguments": arguments,
	"request_digest": "sha256:r",
	"proposed_digest": "sha256:p",
	"cost": {"micros": 0, "currency": ""},
	"takes": {"tokens": 0, "ms": 10000},
	"confidence": null,
	"autonomy": "unattended",
	"plan_gate": null,
	"rollback": false,
}

_plan := {
	"name": "p",
	"version": "1.0.0",
	"digest": "sha256:a",
	"compiled_digest": "sha256:b",
	"owner": "team:workplace",
	"goal": "g",
	"provenance": "stated",
	"max_steps": null,
	"regions": ["eu"],
	"forbidden_tools": [],
	"deadline_ms": 9000,
	"steps_total": 1,
	"steps": [],
}
