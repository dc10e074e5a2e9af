package remit.main_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main

decide(given) := decision if {
	decision := main.decision with input as given with data.remit.registry as facts.registry
}

test_empty_input_is_denied if {
	some given in [{}, null, [], "x", {"kind": "call"}, {"kind": "nothing"}]
	decision := main.decision with input as given
	decision.effect == "deny"
	decision.proposed_digest == null
	"input.malformed" in facts.codes(decision.reasons)
}

test_every_odd_input_is_denied if {
	every given in [{}, null, [], "x", 1, {"kind": "call"}, {"kind": {"a": 1}}, {"kind": ["call"]}] {
		decision := main.decision with input as given
		decision.effect == "deny"
	}
}

test_allowed if {
	decision := decide(facts.call({}))
	decision.effect == "allow"
	decision.proposed_digest == facts.digest
	facts.codes(decision.permits) == {"finance.scoped"}
	decision.reasons == decision.permits
	decision.risk == "medium"
	decision.approvals == []
}

test_revision_comes_from_the_data if {
	decision := main.decision with input as facts.call({}) with data.remit.revision as "sha256:abc"
	decision.policy_revision == "sha256:abc"
}

test_revision_has_a_default if {
	decision := main.decision with input as {} with data.remit.revision as ""
	decision.policy_revision == "unversioned"
}

test_unknown_domain_is_denied if {
	decision := decide(facts.call({"domain": "nobody", "tool": "nobody.x@1"}))
	decision.effect == "deny"
	"agent.scope_missing" in facts.codes(decision.reasons)
}

test_unknown_domain_is_named_when_nothing_else_denies if {
	given := facts.call({"domain": "nobody", "tool": "nobody.x@1"})
	registry := object.union(facts.registry, {"agents": {"buyer": {"scopes": ["nobody.write"]}}})
	decision := main.decision with input as given with data.remit.registry as registry
	facts.codes(decision.reasons) == {"policy.unknown_domain"}
}

test_without_a_permit_it_is_denied if {
	given := facts.vote("holder@acme.example", "budget_holder")
	decision := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.approvals.permits as set()
	facts.codes(decision.reasons) == {"policy.not_granted"}
	decision.effect == "deny"
}

test_a_tool_in_a_domain_that_the_registry_does_not_know_it_by_is_denied if {
	decision := decide(facts.call({"domain": "crm"}))
	"policy.domain_differs" in facts.codes(decision.reasons)
}

test_a_domain_does_not_permit_for_another if {
	decision := main.decision with input as facts.call({"domain": "crm", "tool": "crm.update@1"})
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.scopes.permits as set()
	facts.codes(decision.reasons) == {"policy.not_granted"}
}

test_deny_is_stronger_than_a_gate_and_its_grant if {
	given := object.union(
		facts.call({"operation": "delete", "domain": "crm", "tool": "crm.drop@1", "destinations": ["evil.example"]}),
		{"grants": [facts.grant("operation.delete", "data_owner", ["clerk@acme.example"])]},
	)
	decision := decide(given)
	decision.effect == "deny"
	facts.codes(decision.reasons) == {"egress.host"}
	decision.approvals == []
	decision.permits == []
}

test_a_gate_is_stronger_than_a_permit if {
	decision := decide(facts.call({"operation": "delete", "domain": "crm", "tool": "crm.drop@1"}))
	decision.effect == "require_approval"
	facts.codes(decision.approvals) == {"operation.delete"}
	facts.codes(decision.permits) == {"crm.scoped"}
	decision.obligations == []
	decision.reserve == []
}

test_a_grant_opens_the_gate if {
	given := object.union(
		facts.call({"operation": "delete", "domain": "crm", "tool": "crm.drop@1"}),
		{"grants": [facts.grant("operation.delete", "data_owner", ["clerk@acme.example"])]},
	)
	decide(given).effect == "allow"
}

test_an_obligation_that_nobody_can_fulfil_denies if {
	given := object.union(facts.call({"domain": "crm", "tool": "crm.note@1"}), {"context": {"capabilities": []}})
	decision := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.fields.obligations as {{"type": "redact", "critical": true, "paths": ["/a"]}}
	facts.codes(decision.reasons) == {"obligation.unsupported"}
	decision.obligations == []
}

test_an_obligation_is_passed_on if {
	given := facts.call({"domain": "crm", "tool": "crm.note@1"})
	decision := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.fields.obligations as {{"type": "redact", "critical": true, "paths": ["/a"]}}
	decision.effect == "allow"
	count(decision.obligations) == 1
}

test_a_plan_gate_for_a_role_that_policy_asks_anyway_adds_nothing if {
	gate := {"role": "data_owner", "quorum": 1, "expires_ms": 5, "message": "look"}
	decision := decide(facts.call({"operation": "delete", "domain": "crm", "tool": "crm.drop@1", "plan_gate": gate}))
	facts.codes(decision.approvals) == {"operation.delete"}
}

test_a_stricter_plan_gate_stands_beside if {
	gate := {"role": "data_owner", "quorum": 2, "expires_ms": 5, "message": "look"}
	decision := decide(facts.call({"operation": "delete", "domain": "crm", "tool": "crm.drop@1", "plan_gate": gate}))
	facts.codes(decision.approvals) == {"operation.delete", "plan.gate"}
}

test_autonomy_is_satisfied_by_any_gate if {
	changes := {"operation": "delete", "domain": "crm", "tool": "crm.drop@1", "autonomy": "human"}
	facts.codes(decide(facts.call(changes)).approvals) == {"operation.delete"}
}

test_a_plan_may_not_take_a_gate_away if {
	changes := {"operation": "delete", "domain": "crm", "tool": "crm.drop@1", "autonomy": "unattended", "plan_gate": null}
	decide(facts.call(changes)).effect == "require_approval"
}

test_rules_of_a_domain_reach_an_undo_only_by_their_names if {
	reason := {"code": "crm.no", "policy": "domains.crm.x", "message": ""}
	gate := {"code": "crm.ask", "policy": "domains.crm.x", "message": "", "role": "operator", "quorum": 1, "expires_in_ms": 5}
	given := facts.undo({"domain": "crm", "tool": "crm.restore@1"})

	plain := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.fields.denies as {reason}
		with data.remit.domains.crm.fields.gates as {gate}
	plain.effect == "allow"

	denied := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.fields as {"undo_denies": {reason}}
	denied.effect == "deny"

	gated := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.fields as {"undo_gates": {gate}}
	gated.effect == "require_approval"

	permitted := main.decision with input as given
		with data.remit.registry as object.union(facts.registry, {"agents": {"buyer": {"scopes": []}}})
		with data.remit.domains.crm.fields as {"undo_permits": {reason}}
	permitted.effect == "allow"
}

test_an_obligation_that_may_be_left_out_does_not_deny if {
	given := object.union(facts.call({"domain": "crm", "tool": "crm.note@1"}), {"context": {"capabilities": []}})
	decision := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.fields.obligations as {{"type": "redact", "critical": false, "paths": ["/a"]}}
	decision.effect == "allow"
}

test_a_gate_of_the_plan_for_another_role_stands if {
	gate := {"role": "lawyer", "quorum": 1, "expires_ms": 5, "message": "look"}
	decision := decide(facts.call({"operation": "delete", "domain": "crm", "tool": "crm.drop@1", "plan_gate": gate}))
	facts.codes(decision.approvals) == {"operation.delete", "plan.gate"}
}

test_autonomy_alone_asks if facts.codes(decide(facts.call({"autonomy": "human"})).approvals) == {"plan.autonomy"}

test_probes_of_a_domain_that_gates_are_not_gated if {
	gate := {"code": "crm.ask", "policy": "x", "message": "", "role": "operator", "quorum": 1, "expires_in_ms": 5}
	every given in [
		facts.call({"domain": "crm", "tool": "crm.find@1", "purpose": "probe", "operation": "read"}),
		facts.undo({"domain": "crm", "tool": "crm.find@1", "purpose": "probe", "operation": "read"}),
	] {
		decision := main.decision with input as given
			with data.remit.registry as facts.registry
			with data.remit.domains.crm.fields as {"gates": {gate}, "undo_gates": {gate}}
		decision.effect == "allow"
	}
}

test_what_is_for_undos_does_not_reach_a_call if {
	reason := {"code": "crm.no", "policy": "x", "message": ""}
	gate := {"code": "crm.ask", "policy": "x", "message": "", "role": "operator", "quorum": 1, "expires_in_ms": 5}
	decision := main.decision with input as facts.call({"domain": "crm", "tool": "crm.note@1"})
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.fields as {"undo_denies": {reason}, "undo_gates": {gate}, "plan_denies": {reason}}
	decision.effect == "allow"
	facts.codes(decision.permits) == {"crm.scoped"}

	unscoped := main.decision with input as facts.call({"domain": "crm", "tool": "crm.note@1"})
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.scopes as {"permits": set(), "undo_permits": {reason}}
	facts.codes(unscoped.reasons) == {"policy.not_granted"}
}

test_what_is_for_calls_does_not_permit_an_undo if {
	reason := {"code": "crm.yes", "policy": "x", "message": ""}
	decision := main.decision with input as facts.undo({"domain": "crm", "tool": "crm.note@1"})
		with data.remit.registry as object.union(facts.registry, {"agents": {"buyer": {"scopes": []}}})
		with data.remit.domains.crm.scopes as {"permits": {reason}}
	decision.effect == "deny"
}

test_a_domain_denies_and_gates_its_own_calls_alone if {
	reason := {"code": "crm.no", "policy": "x", "message": ""}
	gate := {"code": "crm.ask", "policy": "x", "message": "", "role": "operator", "quorum": 1, "expires_in_ms": 5}
	given := facts.call({"domain": "crm", "tool": "crm.note@1"})
	denied := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.fields as {"denies": {reason}, "gates": {gate}}
	facts.codes(denied.reasons) == {"crm.no"}

	gated := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.fields as {"gates": {gate}}
	facts.codes(gated.approvals) == {"crm.ask"}

	elsewhere := main.decision with input as facts.call({})
		with data.remit.registry as facts.registry
		with data.remit.domains.crm.fields as {"denies": {reason}, "gates": {gate}}
	elsewhere.effect == "allow"
}

test_reasons_are_bounded if {
	steps := [{"id": sprintf("s%d", [n]), "tool": "erp.x@1", "domain": "erp"} | some n in numbers.range(1, 200)]
	decision := decide(facts.admission(steps))
	decision.effect == "deny"
	count(decision.reasons) == 50
}

# Facts of one kind that carry parts of another. The decision refuses them as malformed before anything
# is gathered; should a shape ever let them by, each kind is still judged by its own rules alone.
of_kind(kind, given) := object.union(given, {"kind": kind})

reason := {"code": "a.b", "policy": "a", "message": ""}

test_rules_about_calls_judge_calls_alone if {
	every given in [facts.call({}), facts.call({"domain": "crm"}), facts.undo({})] {
		main.denies == set() with input as of_kind("none", given)
			with data.remit.registry as facts.registry
			with data.remit.global.denies as {reason}
			with data.remit.global.undo_denies as {reason}
			with data.remit.domains as {"finance": {"x": {"denies": {reason}, "undo_denies": {reason}, "permits": set()}}}
		main.permits == set() with input as of_kind("none", given)
			with data.remit.registry as facts.registry
			with data.remit.domains as {"finance": {"x": {"permits": {reason}, "undo_permits": {reason}}}}
	}
}

test_obligations_are_of_calls_alone if {
	obligation := {"type": "redact", "critical": true, "paths": ["/a"]}
	domains := {"finance": {"x": {"obligations": {obligation}, "permits": set()}}}
	main.obligations == {obligation} with input as facts.call({}) with data.remit.domains as domains
	main.obligations == set() with input as of_kind("none", facts.call({})) with data.remit.domains as domains
	other := facts.call({"domain": "finance"})
	unable := object.union(of_kind("none", other), {"context": {"capabilities": []}})
	main.denies == set() with input as unable with data.remit.main.obligations as {obligation}
}

test_undo_rules_judge_undos_alone if {
	registry := facts.registry
	main.denies == set() with input as facts.call({}) with data.remit.registry as registry
		with data.remit.global.undo_denies as {reason}
	main.denies == {reason} with input as facts.undo({}) with data.remit.registry as registry
		with data.remit.global.undo_denies as {reason}
}

test_each_kind_is_permitted_by_its_own_rules if {
	main.permits == set() with input as of_kind("none", facts.call({}))
		with data.remit.orders.permits as {reason}
		with data.remit.system.permits as {reason}
		with data.remit.approvals.permits as {reason}
		with data.remit.promotion.permits as {reason}
		with data.remit.proposals.permits as {reason}
}

test_only_a_call_reserves if {
	every purpose, reserved in {"call": {{"counter": "c"}}, "probe": set(), "read_back": set()} {
		main.reserves == reserved with input as facts.call({"purpose": purpose}) with data.remit.global.reserves as {{"counter": "c"}}
	}
}

test_a_digest_that_is_no_text_is_not_given_back if {
	decide(facts.call({"proposed_digest": 5})).proposed_digest == null
}
