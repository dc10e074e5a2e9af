package remit.global.ceiling_test

import rego.v2

import data.remit.global.ceiling
import data.remit.lib.fixtures_test as facts
import data.remit.main

registry := object.union(facts.registry, {"agents": {
	"lead": {"scopes": ["crm.read"], "tenants": ["acme"], "ceiling": ["finance.write", "crm.*"]},
	"grand": {"scopes": ["finance.*"], "tenants": ["acme"]},
	"foreign": {"scopes": ["finance.*"], "tenants": ["other"]},
}})

below(above, given) := object.union(given, {"principal": {"delegation": above}})

denied(above, changes) := facts.codes(reasons) if {
	reasons := ceiling.denies with input as below(above, facts.call(changes)) with data.remit.registry as registry
}

plan_denied(above, changes) := facts.codes(reasons) if {
	given := below(above, facts.admission([{}, changes]))
	reasons := ceiling.plan_denies with input as given with data.remit.registry as registry
}

test_nobody_above if {
	denied([], {}) == set()
	plan_denied([], {}) == set()
}

test_a_ceiling_bounds_what_is_handed_down if {
	denied(["lead"], {}) == set()
	denied(["lead"], {"operation": "spend"}) == {"delegation.exceeds"}
	denied(["lead"], {"domain": "crm", "operation": "delete"}) == set()
	denied(["lead"], {"domain": "erp"}) == {"delegation.exceeds"}
}

test_null_is_no_ceiling if {
	changed := object.union(registry, {"agents": {"grand": {"ceiling": null}}})
	reasons := ceiling.denies with input as below(["grand"], facts.call({})) with data.remit.registry as changed
	reasons == set()
}

test_without_a_ceiling_its_own_scopes_bound_it if {
	denied(["grand"], {}) == set()
	denied(["reader"], {}) == {"delegation.exceeds"}
	denied(["reader"], {"operation": "read"}) == set()
}

test_every_agent_above_bounds_it if {
	denied(["grand", "lead"], {}) == set()
	denied(["grand", "lead"], {"operation": "spend"}) == {"delegation.exceeds"}
	denied(["lead", "grand"], {"operation": "spend"}) == {"delegation.exceeds"}
}

test_an_unknown_agent_above_hands_nothing_down if {
	denied(["nobody"], {}) == {"delegation.exceeds", "delegation.tenant"}
}

test_a_list_of_tools_bounds_it_unless_a_ceiling_stands if {
	denied(["listed"], {}) == set()
	denied(["listed"], {"tool": "finance.other@1"}) == {"delegation.exceeds"}
	plan_denied(["listed"], {"tool": "finance.other@1"}) == {"delegation.exceeds"}
	own := object.union(registry, {"agents": {"listed": {"ceiling": ["finance.*"]}}})
	given := below(["listed"], facts.call({"tool": "finance.other@1"}))
	reasons := ceiling.denies with input as given with data.remit.registry as own
	reasons == set()
}

test_an_empty_ceiling_hands_nothing_down if {
	own := object.union(registry, {"agents": {"grand": {"ceiling": []}}})
	reasons := ceiling.denies with input as below(["grand"], facts.call({})) with data.remit.registry as own
	facts.codes(reasons) == {"delegation.exceeds"}
}

test_whoever_is_stopped_stops_what_it_handed_down if {
	denied(["sleeper"], {}) == {"delegation.suspended"}
	plan_denied(["sleeper"], {}) == {"delegation.suspended"}
}

test_an_agent_of_another_tenant_hands_nothing_down if {
	denied(["foreign"], {}) == {"delegation.tenant"}
	plan_denied(["foreign"], {}) == {"delegation.tenant"}
}

test_a_probe_needs_any_scope_of_the_domain if {
	probe := {"domain": "crm", "purpose": "probe", "operation": "read"}
	own := object.union(registry, {"agents": {"lead": {"ceiling": ["crm.write"]}}})
	every case in [[{}, set()], [{"purpose": "call"}, {"delegation.exceeds"}], [{"operation": "write", "domain": "erp"}, {"delegation.exceeds"}], [{"domain": "erp"}, {"delegation.exceeds"}], [{"operation": "delete"}, {"delegation.exceeds"}]] {
		given := below(["lead"], facts.call(object.union(probe, case[0])))
		reasons := ceiling.denies with input as given with data.remit.registry as own
		facts.codes(reasons) == case[1]
	}
}

test_a_plan_below_is_bounded_step_by_step if {
	plan_denied(["lead"], {}) == set()
	plan_denied(["lead"], {"operation": "spend"}) == {"delegation.exceeds"}
	plan_denied(["lead"], {"operation": "plan", "domain": "plan"}) == set()
}

test_ceilings_reach_the_decision if {
	call := main.decision with input as below(["reader"], facts.call({})) with data.remit.registry as registry
	facts.codes(call.reasons) == {"delegation.exceeds"}
	plan := main.decision with input as below(["reader"], facts.admission([{}])) with data.remit.registry as registry
	facts.codes(plan.reasons) == {"delegation.exceeds"}
	undo := main.decision with input as below(["sleeper"], facts.undo({})) with data.remit.registry as registry
	undo.effect == "allow"
}
