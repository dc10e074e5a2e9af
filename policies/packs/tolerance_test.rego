package remit.packs.tolerance_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main
import data.remit.packs.tolerance

registry(table) := object.union(facts.registry, {"thresholds": {"packs": {"tolerance": table}}})

told := {"context": {"capabilities": ["redact", "limit", "notify"]}}

decide(table, given) := decision if {
	decision := main.decision with input as given with data.remit.registry as registry(table)
}

medium(do) := {"risk": {"medium": do}}

test_without_a_table_nothing_is_asked if decide({}, facts.call({"confidence": 0.75})).effect == "allow"

test_data_moves_the_same_call if {
	decide(medium("unattended"), facts.call({})).effect == "allow"
	decide(medium("notify"), object.union(facts.call({}), told)).effect == "allow"
	decide(medium("approve"), facts.call({})).effect == "require_approval"
	facts.codes(decide(medium("deny"), facts.call({})).reasons) == {"tolerance.exceeded"}
}

test_another_risk_is_another_treatment if {
	decide(medium("deny"), facts.call({"operation": "read"})).effect == "allow"
	decide({"risk": {"low": "deny"}}, facts.call({"operation": "read"})).effect == "deny"
}

test_bands_of_confidence if {
	table := {"confidence": [{"below": 0.8, "do": "approve"}, {"below": 0.75, "do": "deny"}]}
	decide(table, facts.call({"confidence": 0.8})).effect == "allow"
	decide(table, facts.call({"confidence": 0.75})).effect == "require_approval"
	decide(table, facts.call({"confidence": 0.749})).effect == "deny"
	decide(table, facts.call({"confidence": null})).effect == "allow"
}

test_the_gate_is_data_and_else_an_operator if {
	{[gate.code, gate.role] | some gate in decide(medium("approve"), facts.call({})).approvals} == {["tolerance.approval", "operator"]}
	asked := object.union(medium("approve"), {"gate": {"role": "risk_officer", "expires_in_ms": 1000}})
	{gate.role | some gate in decide(asked, facts.call({})).approvals} == {"risk_officer"}
}

test_who_is_told_is_who_would_be_asked if {
	asked := object.union(medium("notify"), {"gate": {"role": "risk_officer", "expires_in_ms": 1000}})
	decision := decide(asked, object.union(facts.call({}), told))
	{[one.type, one.critical, one.role] | some one in decision.obligations} == {["notify", true, "risk_officer"]}
	every given in [facts.call({"purpose": "probe", "operation": "read"}), facts.undo({})] {
		able := object.union(given, told)
		found := tolerance.obligations with input as able with data.remit.registry as registry({"risk": {"low": "notify", "medium": "notify"}})
		found == set()
	}
	none := tolerance.obligations with input as object.union(facts.call({}), told) with data.remit.registry as registry({})
	none == set()
}

test_where_nobody_can_be_told_somebody_is_asked if {
	unable := object.union(facts.call({}), {"context": {"capabilities": ["redact"]}})
	decision := decide(medium("notify"), unable)
	decision.effect == "require_approval"
	facts.codes(decision.approvals) == {"tolerance.approval"}
	tolerance.obligations == set() with input as unable with data.remit.registry as registry(medium("notify"))
}

test_a_probe_is_a_question_about_a_call_that_was_judged if {
	decide({"risk": {"low": "deny"}}, facts.call({"purpose": "probe", "operation": "read"})).effect == "allow"
}

# A score only makes it stricter: whatever a table says, no outcome is milder than without one.
test_no_table_is_milder_than_none if {
	rank := {"allow": 0, "require_approval": 1, "deny": 2}
	calls := [
		facts.call({}),
		facts.call({"confidence": 0.1}),
		facts.call({"irreversible": true}),
		facts.call({"destinations": ["evil.example"]}),
	]
	every given in calls {
		plain := decide({}, given)
		every do in ["unattended", "notify", "approve", "deny"] {
			table := {"risk": {"low": do, "medium": do, "high": do, "critical": do}, "confidence": [{"below": 1, "do": do}]}
			rank[decide(table, given).effect] >= rank[plain.effect]
		}
	}
}

test_somebody_is_asked_only_where_somebody_was_to_be_told if {
	untold := object.union(facts.call({}), {"context": {"capabilities": ["redact", "limit"]}})
	decide(medium("notify"), untold).effect == "require_approval"
	decide(medium("unattended"), untold).effect == "allow"
}
