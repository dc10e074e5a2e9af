# METADATA
# title: Facts that tests start from
# labels: {owner: platform, control: D-02}
package remit.lib.fixtures_test

import rego.v2

registry := {
	"agents": {
		"buyer": {
			"scopes": ["finance.*", "crm.write", "crm.read", "crm.delete", "plan.propose"],
			"tenants": ["acme"],
			"status": "active",
		},
		"reader": {"scopes": ["finance.read"], "tenants": ["acme"]},
		"sleeper": {"scopes": ["finance.*"], "tenants": ["acme"], "status": "suspended"},
		"listed": {"scopes": ["finance.*"], "tenants": ["acme"], "tools": ["finance.book@1"]},
	},
	"people": {
		"holder@acme.example": {"roles": ["budget_holder"]},
		"second@acme.example": {"roles": ["budget_holder"], "tenants": ["acme"]},
		"foreign@other.example": {"roles": ["budget_holder"], "tenants": ["other"]},
		"requester@acme.example": {"roles": ["budget_holder"]},
		"buyer": {"roles": ["budget_holder"]},
		"clerk@acme.example": {"roles": ["data_owner"]},
		"operator@acme.example": {"roles": ["operator"]},
		"author@acme.example": {"roles": ["policy_owner"]},
		"owner@acme.example": {"roles": ["policy_owner"]},
		"operator@other.example": {"roles": ["operator"], "tenants": ["other"]},
	},
	"egress": {"acme": ["erp.acme.example", "*.partner.example"]},
	"tools": {"finance.book@1": {"domain": "finance"}},
}

digest := "sha256:0000000000000000000000000000000000000000000000000000000000000001"

other_digest := "sha256:0000000000000000000000000000000000000000000000000000000000000002"

principal := {
	"agent": "buyer",
	"agent_version": "1.4.0",
	"on_behalf_of": "requester@acme.example",
	"tenant": "acme",
	"verified": false,
	"delegation": [],
	"starter": "",
}

action := {
	"step_key": "0b9b:book:do",
	"path": "book",
	"step": "book",
	"direction": "do",
	"purpose": "call",
	"attempt": 1,
	"tool": "finance.book@1",
	"tool_version": "1.0.0",
	"contract_digest": digest,
	"domain": "finance",
	"operation": "write",
	"irreversible": false,
	"data_classes": [],
	"region": "eu",
	"destinations": ["erp.acme.example"],
	"resource": "",
	"inflow": [],
	"detected": {"classes": [], "places": [], "whole": true},
	"arguments": {"amount": 5},
	"request_digest": digest,
	"proposed_digest": digest,
	"cost": {"micros": 0, "currency": "EUR"},
	"takes": {"tokens": 0, "ms": 30000},
	"confidence": 0.9,
	"autonomy": "unattended",
	"plan_gate": null,
	"rollback": false,
}

plan := {
	"name": "purchase",
	"version": "1.0.0",
	"digest": digest,
	"compiled_digest": digest,
	"owner": "team:workplace",
	"goal": "equip the team",
	"provenance": "stated",
	"max_steps": null,
	"regions": null,
	"forbidden_tools": [],
	"deadline_ms": 2000000,
	"steps_total": 1,
	"steps": [],
}

budget := {"currency": "EUR", "limit_micros": 20000000000, "spent_micros": 0, "reserved_micros": 0, "counters": {}}

run := {
	"root": "0b9b1c1a",
	"workflow_id": "purchase",
	"run_id": "0b9b1c1a",
	"path": "",
	"started_ms": 1000000,
	"deadline_ms": 2000000,
}

context := {
	"now_ms": 1000000,
	"scheduled_ms": 1000000,
	"environment": "test",
	"region": "eu",
	"profile": "light",
	"capabilities": ["redact", "limit", "keep", "notify", "log"],
}

base := {
	"schema_version": 1,
	"kind": "call",
	"principal": principal,
	"action": null,
	"plan": null,
	"budget": null,
	"history": null,
	"grants": [],
	"vote": null,
	"order": null,
	"promotion": null,
	"proposal": null,
	"system": null,
	"run": null,
	"context": context,
}

history := {"calls": 0, "effects": 0, "denials": 0, "undone": 0, "tools": [], "on_resource": []}

# METADATA
# title: Facts of a call whose action differs so
call(changes) := object.union(base, {
	"action": object.union(action, changes),
	"plan": plan,
	"budget": budget,
	"history": history,
	"run": run,
})

# METADATA
# title: Facts of an undo whose action differs so
undo(changes) := call(object.union({"direction": "undo", "rollback": true}, changes))

step := {
	"id": "book",
	"tool": "finance.book@1",
	"domain": "finance",
	"operation": "write",
	"needs": [],
	"has_undo": true,
	"irreversible": false,
	"gated": false,
	"autonomy": "unattended",
	"confidence": null,
	"data_classes": [],
	"region": "eu",
	"destinations": [],
	"fan_out": 1,
	"cost": null,
	"worst": 0,
	"inflow": [],
	"tools_before": [],
	"may_fail_behind": false,
}

# METADATA
# title: Facts of an admission; each change makes one step
admission(changes) := object.union(base, {
	"kind": "admission",
	"plan": object.union(plan, {
		"steps": [object.union(step, change) | some change in changes],
		"steps_total": count(changes),
	}),
	"budget": budget,
})

# METADATA
# title: Facts of one of Remit's own activities
system(activity, role, workflow) := object.union(base, {
	"kind": "system",
	"principal": null,
	"system": {"activity": activity, "role": role, "workflow_type": workflow, "direction": "x"},
})

# METADATA
# title: Facts of a vote
vote(by, role) := object.union(base, {
	"kind": "vote",
	"vote": {
		"gate": {
			"id": "book#1",
			"path": "book",
			"code": "operation.spend",
			"role": role,
			"roles": [role],
			"quorum": 1,
			"tool": "finance.book@1",
			"domain": "finance",
			"proposed_digest": digest,
			"expires_ms": 1000001,
		},
		"by": by,
		"verdict": "approve",
		"verified": false,
		"instead_of": "",
		"to": "",
		"costs_more": false,
		"other_resource": false,
	},
})

# METADATA
# title: Facts of an order
order(by, name) := object.union(base, {
	"kind": "order",
	"order": {"name": name, "path": "", "by": by, "verified": false, "ended_ms": null},
})

# METADATA
# title: Facts of a candidate whose report differs so
promotion(changes) := object.union(base, {
	"kind": "promotion",
	"principal": null,
	"promotion": object.union(
		{
			"revision": other_digest,
			"base": digest,
			"by": "author@acme.example",
			"verified": false,
			"decisions": 1000,
			"unreproducible": 0,
			"widens": 0,
			"breaks": 0,
			"gates": 0,
			"errors": 0,
			"widens_data": [],
			"report_age_ms": 0,
			"approvers": [],
		},
		changes,
	),
})

# METADATA
# title: Facts of a proposal that differs so
proposal(changes) := object.union(base, {
	"kind": "proposal",
	"proposal": object.union(
		{
			"goal": "equip the team",
			"planner": "planners.buyer:propose",
			"round": 1,
			"rounds": 4,
			"cost": {"micros": 20, "currency": "EUR"},
		},
		changes,
	),
	"budget": budget,
})

# METADATA
# title: A grant that meets a gate of this code and role
grant(code, role, by) := {
	"gate": "book#1",
	"code": code,
	"role": role,
	"by": by,
	"instead_of": ["" | some _ in by],
	"proposed_digest": digest,
	"enforced_digest": digest,
	"expires_ms": 1000001,
}

# METADATA
# title: Codes of reasons or gates
codes(found) := {one.code | some one in found}
