package remit.global.operation_test

import rego.v2

import data.remit.global.operation
import data.remit.lib.fixtures_test as facts

gated(changes) := gates if {
	gates := operation.gates with input as facts.call(object.union({"domain": "erp", "tool": "erp.x@1"}, changes))
		with data.remit.registry as facts.registry
}

test_reading_writing_and_triggering_are_not_gated if {
	every kind in ["read", "write", "trigger"] {
		gated({"operation": kind}) == set()
	}
}

test_deleting_is_gated if {
	some gate in gated({"operation": "delete"})
	gate.code == "operation.delete"
	gate.role == "data_owner"
	gate.quorum == 1
	gate.expires_in_ms == 86400000
}

test_spending_is_gated_even_without_a_known_price if {
	facts.codes(gated({"operation": "spend"})) == {"operation.spend"}
}

test_spending_much_is_gated_twice if {
	facts.codes(gated({"operation": "spend", "cost": {"micros": 10000000000}})) == {"operation.spend"}
	facts.codes(gated({"operation": "spend", "cost": {"micros": 10000000001}})) == {"operation.spend", "operation.spend_large"}
}

test_a_domain_with_rules_of_its_own_is_left_alone if {
	gated({"operation": "spend", "domain": "finance", "cost": {"micros": 10000000001}}) == set()
}

test_what_cannot_be_undone_is_gated if {
	facts.codes(gated({"irreversible": true})) == {"operation.irreversible"}
	facts.codes(gated({"irreversible": true, "operation": "read"})) == {"operation.irreversible"}
	facts.codes(gated({"irreversible": true, "operation": "delete"})) == {"operation.delete"}
	facts.codes(gated({"irreversible": true, "operation": "spend", "domain": "finance"})) == {"operation.irreversible"}
}

test_a_project_lays_its_own_gates_over if {
	registry := object.union(facts.registry, {"thresholds": {"gates": {"delete": {"role": "archivist", "quorum": 2}}}})
	gates := operation.gates with input as facts.call({"operation": "delete"}) with data.remit.registry as registry
	some gate in gates
	gate.role == "archivist"
	gate.quorum == 2
	gate.expires_in_ms == 86400000
}

test_a_probe_only_reads if {
	reasons := operation.denies with input as facts.call({"purpose": "probe", "operation": "write"})
	facts.codes(reasons) == {"purpose.not_a_read"}
	undo := operation.undo_denies with input as facts.undo({"purpose": "read_back", "operation": "delete"})
	facts.codes(undo) == {"purpose.not_a_read"}
	reading := operation.denies with input as facts.call({"purpose": "probe", "operation": "read"})
	reading == set()
}

test_a_domain_may_ask_itself_about_deleting if {
	registry := object.union(facts.registry, {"thresholds": {"gates": {"delete": {"except_domains": ["finance"]}}}})
	gates := operation.gates with input as facts.call({"operation": "delete"}) with data.remit.registry as registry
	gates == set()
}

test_only_spending_is_large if gated({"operation": "write", "cost": {"micros": 10000000001}}) == set()

test_a_gate_at_nothing_is_always_asked if {
	registry := object.union(facts.registry, {"thresholds": {"gates": {"spend": {"above_micros": 0}}}})
	given := facts.call({"operation": "spend", "domain": "erp", "tool": "erp.x@1", "cost": {"micros": 0}})
	gates := operation.gates with input as given with data.remit.registry as registry
	facts.codes(gates) == {"operation.spend"}
}
