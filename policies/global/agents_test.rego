package remit.global.agents_test

import rego.v2

import data.remit.global.agents
import data.remit.lib.fixtures_test as facts

denied(given) := facts.codes(reasons) if {
	reasons := agents.denies with input as given with data.remit.registry as facts.registry
}

undo_denied(given) := facts.codes(reasons) if {
	reasons := agents.undo_denies with input as given with data.remit.registry as facts.registry
}

plan_denied(given) := facts.codes(reasons) if {
	reasons := agents.plan_denies with input as given with data.remit.registry as facts.registry
}

agent_of(agent, given) := object.union(given, {"principal": {"agent": agent}})

test_a_scope_covers_its_operation if denied(facts.call({})) == set()

test_a_missing_scope_is_named if {
	denied(agent_of("reader", facts.call({}))) == {"agent.scope_missing"}
	denied(agent_of("reader", facts.call({"operation": "read"}))) == set()
	denied(agent_of("reader", facts.call({"operation": "delete"}))) == {"agent.scope_missing"}
	denied(facts.call({"domain": "crm", "operation": "spend"})) == {"agent.scope_missing"}
}

test_an_unknown_agent_is_denied if {
	denied(agent_of("nobody", facts.call({}))) == {"agent.unknown"}
	undo_denied(agent_of("nobody", facts.undo({}))) == {"agent.unknown"}
	plan_denied(agent_of("nobody", facts.admission([{}]))) == {"agent.unknown"}
}

test_without_a_registry_every_agent_is_unknown if {
	reasons := agents.denies with input as facts.call({}) with data.remit.registry as {}
	facts.codes(reasons) == {"agent.unknown"}
}

test_a_suspended_agent_only_undoes if {
	denied(agent_of("sleeper", facts.call({}))) == {"agent.not_active"}
	plan_denied(agent_of("sleeper", facts.admission([{}]))) == {"agent.not_active"}
	undo_denied(agent_of("sleeper", facts.undo({}))) == set()
}

test_only_an_active_agent_acts if {
	every status in ["proposed", "approved", "suspended", "retired"] {
		registry := object.union(facts.registry, {"agents": {"buyer": {"status": status}}})
		reasons := agents.denies with input as facts.call({}) with data.remit.registry as registry
		reasons == {{"code": "agent.not_active", "policy": "global.agents", "message": $"buyer is {status}, not active"}}
	}
}

test_another_tenant_is_denied if {
	given := object.union(facts.call({}), {"principal": {"tenant": "other"}})
	denied(given) == {"agent.tenant"}
}

test_an_agent_without_tenants_acts_nowhere if {
	registry := {"agents": {"buyer": {"scopes": ["finance.write"]}}}
	reasons := agents.denies with input as facts.call({}) with data.remit.registry as registry
	facts.codes(reasons) == {"agent.tenant"}
}

test_an_agent_without_scopes_does_nothing if {
	registry := {"agents": {"buyer": {"tenants": ["acme"]}}}
	reasons := agents.denies with input as facts.call({}) with data.remit.registry as registry
	facts.codes(reasons) == {"agent.scope_missing"}
	planned := agents.plan_denies with input as facts.admission([{}]) with data.remit.registry as registry
	facts.codes(planned) == {"plan.tool_not_listed"}
}

test_a_list_of_tools_is_a_bound if {
	denied(agent_of("listed", facts.call({}))) == set()
	denied(agent_of("listed", facts.call({"tool": "finance.other@1"}))) == {"agent.tool_not_listed"}
	plan_denied(agent_of("listed", facts.admission([{}, {"tool": "finance.other@1"}]))) == {"plan.tool_not_listed"}
}

test_a_plan_names_only_tools_that_the_agent_may_use if {
	plan_denied(facts.admission([{}])) == set()
	plan_denied(facts.admission([{"domain": "erp", "tool": "erp.x@1"}])) == {"plan.tool_not_listed"}
	plan_denied(facts.admission([{"operation": "plan", "domain": "", "tool": "plan:x@1.0.0"}])) == set()
}

test_a_probe_needs_any_scope_of_the_domain if {
	given := facts.call({"domain": "crm", "tool": "crm.find@1", "purpose": "probe", "operation": "read"})
	registry := object.union(facts.registry, {"agents": {"buyer": {"scopes": ["crm.write"]}}})
	reasons := agents.denies with input as given with data.remit.registry as registry
	reasons == set()
	writing := agents.denies with input as facts.call({"purpose": "probe", "operation": "delete"})
		with data.remit.registry as registry
	facts.codes(writing) == {"agent.scope_missing"}
}

test_a_list_of_tools_does_not_bind_a_probe if {
	given := agent_of("listed", facts.call({"tool": "finance.find@1", "purpose": "probe", "operation": "read"}))
	denied(given) == set()
}

test_another_tenant_neither_plans_nor_undoes if {
	foreign := {"principal": {"tenant": "other"}}
	undo_denied(object.union(facts.undo({}), foreign)) == {"agent.tenant"}
	plan_denied(object.union(facts.admission([{}]), foreign)) == {"agent.tenant"}
}

test_a_listed_tool_may_stand_in_a_plan if plan_denied(agent_of("listed", facts.admission([{}]))) == set()

test_scopes_of_a_probe if {
	registry := object.union(facts.registry, {"agents": {"buyer": {"scopes": ["crm.write"]}}})
	probe := {"domain": "crm", "tool": "crm.find@1", "purpose": "probe", "operation": "read"}
	asked := agents.denies with input as facts.call(probe) with data.remit.registry as registry
	asked == set()

	# Reading for itself, another domain, or more than reading: its own scopes decide.
	every change in [{"purpose": "call"}, {"domain": "erp"}, {"operation": "delete"}] {
		refused := agents.denies with input as facts.call(object.union(probe, change)) with data.remit.registry as registry
		facts.codes(refused) == {"agent.scope_missing"}
	}
}
