package remit.domains.finance.amount_test

import rego.v2

import data.remit.domains.finance.amount
import data.remit.lib.fixtures_test as facts
import data.remit.main

gated(micros) := facts.codes(gates) if {
	gates := amount.gates with input as facts.call({"operation": "spend", "cost": {"micros": micros}})
		with data.remit.registry as facts.registry
}

test_small_amounts_pass if gated(1000000000) == set()

test_a_budget_holder_decides_on_larger_ones if gated(1000000001) == {"finance.amount"}

test_a_finance_approver_too_on_the_largest if gated(10000000001) == {"finance.amount", "finance.large_amount"}

test_roles_come_from_the_data if {
	decision := main.decision with input as facts.call({"operation": "spend", "cost": {"micros": 10000000001}})
		with data.remit.registry as facts.registry
	{[gate.code, gate.role] | some gate in decision.approvals} == {
		["finance.amount", "budget_holder"],
		["finance.large_amount", "finance_approver"],
	}
}

test_a_project_moves_the_bounds if {
	registry := object.union(facts.registry, {"domains": {"finance": {"gate": {"above_micros": 5, "role": "cfo"}}}})
	gates := amount.gates with input as facts.call({"cost": {"micros": 6}}) with data.remit.registry as registry
	{gate.role | some gate in gates} == {"cfo"}
}

test_without_bounds_it_is_denied if {
	reasons := amount.denies with input as facts.call({}) with data.remit.defaults.domains as {} with data.remit.registry as {}
	facts.codes(reasons) == {"finance.unbounded"}
	bounded := amount.denies with input as facts.call({})
	bounded == set()
}
