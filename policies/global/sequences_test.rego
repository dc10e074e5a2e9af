package remit.global.sequences_test

import rego.v2

import data.remit.global.sequences
import data.remit.lib.fixtures_test as facts
import data.remit.main

archive_first := {
	"name": "archive-first",
	"calls": {"tool": "crm.delete@1"},
	"needs": ["crm.archive@1"],
	"same_resource": true,
	"message": "what is deleted is archived before",
}

quiet := {
	"name": "quiet",
	"calls": {"operation": "write", "domain": "crm"},
	"forbids": ["finance.book@1"],
	"message": "no change behind a booking",
}

with_rule(given, rule) := {"denies": facts.codes(denies), "gates": gates} if {
	registry := object.union(facts.registry, {"thresholds": {"sequences": [rule]}})
	denies := sequences.denies with input as given with data.remit.registry as registry
	gates := sequences.gates with input as given with data.remit.registry as registry
}

fine := {"denies": set(), "gates": set()}

deletion(changes) := object.union(
	facts.call({"domain": "crm", "tool": "crm.delete@1", "operation": "delete", "resource": "crm:7"}),
	changes,
)

change(tools) := object.union(facts.call({"domain": "crm", "tool": "crm.x@1"}), {"history": {"tools": tools}})

test_what_is_needed_was_done if {
	done := deletion({"history": {"on_resource": ["crm.archive@1"]}})
	with_rule(done, archive_first) == fine
}

test_what_is_needed_was_not_done if {
	with_rule(deletion({}), archive_first) == {"denies": {"sequence.archive_first"}, "gates": set()}

	# To something else in the same run is not to this.
	elsewhere := deletion({"history": {"tools": ["crm.archive@1"]}})
	with_rule(elsewhere, archive_first).denies == {"sequence.archive_first"}
	with_rule(elsewhere, object.union(archive_first, {"same_resource": false})) == fine
}

test_each_that_is_needed if {
	both := object.union(archive_first, {"needs": ["crm.archive@1", "crm.ask@1"]})
	one := deletion({"history": {"on_resource": ["crm.archive@1"]}})
	with_rule(one, both).denies == {"sequence.archive_first"}
}

test_what_is_forbidden_was_done if {
	with_rule(change(["finance.book@1"]), quiet).denies == {"sequence.quiet"}
	with_rule(change(["finance.other@1"]), quiet) == fine
}

test_an_unknown_resource_breaks_a_rule_about_resources if {
	unknown := deletion({"action": {"resource": ""}, "history": {"on_resource": ["crm.archive@1"]}})
	with_rule(unknown, archive_first).denies == {"sequence.archive_first"}
	forbids := {"name": "x", "calls": {}, "forbids": ["crm.y@1"], "same_resource": true, "message": "m"}
	with_rule(unknown, forbids).denies == {"sequence.x"}
	with_rule(unknown, object.union(forbids, {"same_resource": false})) == fine
}

test_a_rule_speaks_of_its_calls_alone if {
	every other in [{"tool": "crm.x@1"}, {"domain": "erp"}, {"operation": "read"}, {"data_class": "pii"}] {
		with_rule(deletion({}), object.union(archive_first, {"calls": other})) == fine
	}
	every own in [{}, {"tool": "crm.delete@1"}, {"domain": "crm"}, {"operation": "delete"}] {
		with_rule(deletion({}), object.union(archive_first, {"calls": own})) != fine
	}
	classed := deletion({"action": {"data_classes": ["pii"]}})
	with_rule(classed, object.union(archive_first, {"calls": {"data_class": "pii"}})) != fine
}

test_a_rule_may_ask_instead if {
	asks := object.union(archive_first, {"do": "gate", "gate": {"role": "data_owner", "expires_in_ms": 5}})
	found := with_rule(deletion({}), asks)
	found.denies == set()
	{[gate.code, gate.role, gate.expires_in_ms] | some gate in found.gates} == {["sequence.archive_first", "data_owner", 5]}
	done := deletion({"history": {"on_resource": ["crm.archive@1"]}})
	with_rule(done, asks) == fine
	cautious := with_rule(deletion({}), object.union(archive_first, {"do": "gate"}))
	{gate.role | some gate in cautious.gates} == {"operator"}
}

test_a_probe_is_no_step if {
	with_rule(deletion({"action": {"purpose": "probe"}}), archive_first) == fine
}

test_sequences_reach_the_decision if {
	registry := object.union(facts.registry, {"thresholds": {"sequences": [archive_first]}})
	denied := main.decision with input as deletion({}) with data.remit.registry as registry
	denied.effect == "deny"
	facts.codes(denied.reasons) == {"sequence.archive_first"}
	asks := object.union(facts.registry, {"thresholds": {"sequences": [object.union(archive_first, {"do": "gate"})]}})
	gated := main.decision with input as deletion({}) with data.remit.registry as asks
	"sequence.archive_first" in facts.codes(gated.approvals)
	undone := main.decision with input as object.union(deletion({}), {"action": {"direction": "undo", "rollback": true}})
		with data.remit.registry as registry
	undone.effect == "allow"
}
