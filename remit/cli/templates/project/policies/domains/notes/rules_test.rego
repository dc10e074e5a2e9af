package remit.domains.notes.rules_test

import rego.v2

import data.remit.domains.notes.rules

_registry := {
	"agents": {"scribe": {"scopes": ["notes.read", "notes.write"], "tenants": ["home"]}},
	"domains": {"notes": {"gate": {"role": "editor", "expires_in_ms": 60000}}},
}

_write(name) := {
	"principal": {"agent": "scribe"},
	"action": {
		"tool": "notes.write_note@1",
		"domain": "notes",
		"operation": "write",
		"purpose": "call",
		"arguments": {"name": name},
	},
}

test_scribe_may_write if {
	count(rules.permits) == 1 with input as _write("greeting") with data.remit.registry as _registry
}

test_stranger_may_not_write if {
	call := object.union(_write("greeting"), {"principal": {"agent": "stranger"}})
	count(rules.permits) == 0 with input as call with data.remit.registry as _registry
}

test_private_note_waits_for_nobody if {
	count(rules.gates) == 0 with input as _write("greeting") with data.remit.registry as _registry
}

test_shared_note_waits_for_an_editor if {
	gates := rules.gates with input as _write("shared-news") with data.remit.registry as _registry
	{gate.role | some gate in gates} == {"editor"}
}

test_note_without_a_name_waits_for_an_editor if {
	call := json.remove(_write("greeting"), ["/action/arguments/name"])
	count(rules.gates) == 1 with input as call with data.remit.registry as _registry
}
