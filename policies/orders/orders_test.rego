package remit.orders_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main

decide(given) := decision if {
	decision := main.decision with input as given with data.remit.registry as facts.registry
}

refused(given) := facts.codes(decide(given).reasons) if decide(given).effect == "deny"

permitted(given) := facts.codes(decide(given).permits) if decide(given).effect == "allow"

test_an_operator_orders_everything if {
	every name in ["hold", "resume", "rollback", "resolve_doubt", "repair", "amend"] {
		permitted(facts.order("operator@acme.example", name)) == {"order.permitted"}
	}
}

# What is stopped is nobody's run: the order speaks for a tenant, or for all of them.
_about(by, name, tenant) := object.union(facts.order(by, name), {
	"principal": {"agent": "", "agent_version": "", "on_behalf_of": by, "tenant": tenant},
	"order": {"path": "fleet"},
})

test_an_operator_stops_calls_and_lets_them_go_on if {
	every name in ["stop", "go"] {
		permitted(_about("operator@acme.example", name, "")) == {"order.permitted"}
		refused(_about("clerk@acme.example", name, "")) == {"order.role_missing"}
		refused(_about("requester@acme.example", name, "")) == {"order.role_missing"}
	}
}

test_an_operator_of_one_tenant_stops_no_other_and_not_all if {
	permitted(_about("operator@other.example", "stop", "other")) == {"order.permitted"}
	refused(_about("operator@other.example", "stop", "acme")) == {"order.tenant"}
	refused(_about("operator@other.example", "stop", "")) == {"order.tenant"}
}

# Of two agents, the second one's tenants, whatever they are.
_of_agent(name, path, tenants) := decision if {
	agents := {"theirs": {"scopes": [], "tenants": tenants}, "fleet": {"scopes": [], "tenants": ["other"]}}
	given := object.union(_about("operator@other.example", name, ""), {"order": {"path": path}})
	decision := main.decision with input as given with data.remit.registry as object.union(facts.registry, {"agents": agents})
}

test_an_operator_of_one_tenant_stops_an_agent_of_that_tenant_alone if {
	every name in ["stop", "go"] {
		_of_agent(name, "agent:theirs", ["other"]).effect == "allow"
		_of_agent(name, "agent:theirs", ["other", "acme"]).effect == "deny"
		_of_agent(name, "agent:theirs", []).effect == "deny"
		_of_agent(name, "agent:nobody", ["other"]).effect == "deny"
		_of_agent(name, "tool:theirs", ["other"]).effect == "deny"
		_of_agent(name, "fleet", ["other"]).effect == "deny"
		_of_agent(name, "group:theirs", ["other"]).effect == "deny"
	}
	_of_agent("hold", "agent:theirs", ["other"]).effect == "deny"
}

test_whose_it_is_is_told if {
	told := {reason.message | some reason in _about_messages("acme")}
	told == {"operator@other.example does not answer for the tenant acme"}
	all := {reason.message | some reason in _about_messages("")}
	all == {"operator@other.example answers for some tenants alone, and this is about others too"}
}

_about_messages(tenant) := decide(_about("operator@other.example", "stop", tenant)).reasons

test_nobody_else_orders_anything if {
	every name in ["hold", "resume", "rollback", "resolve_doubt", "repair", "amend"] {
		refused(facts.order("clerk@acme.example", name)) == {"order.role_missing"}
	}
}

test_whoever_a_run_acts_for_may_only_stop_it if {
	permitted(facts.order("requester@acme.example", "hold")) == {"order.own_run"}
	permitted(facts.order("requester@acme.example", "rollback")) == {"order.own_run"}
	refused(facts.order("requester@acme.example", "resume")) == {"order.role_missing"}
	refused(facts.order("requester@acme.example", "repair")) == {"order.role_missing"}
	refused(facts.order("requester@acme.example", "amend")) == {"order.role_missing"}
	refused(facts.order("requester@acme.example", "resolve_doubt")) == {"order.role_missing"}
}

test_an_unknown_person_orders_nothing if {
	refused(facts.order("nobody@acme.example", "hold")) == {"order.unknown_person"}
	refused(facts.order("", "hold")) == {"order.unknown_person"}
	refused(_about("nobody@acme.example", "stop", "")) == {"order.unknown_person"}
	refused(_about("nobody@acme.example", "stop", "acme")) == {"order.unknown_person"}
}

test_an_operator_of_another_tenant if {
	refused(facts.order("operator@other.example", "rollback")) == {"order.tenant"}
}

test_a_claimed_name_is_not_enough_elsewhere if {
	given := object.union(facts.order("operator@acme.example", "hold"), {"context": {"profile": "full"}})
	refused(given) == {"order.unverified"}
	proven := object.union(given, {"order": {"verified": true}})
	permitted(proven) == {"order.permitted"}
}

test_the_roles_are_data if {
	registry := object.union(facts.registry, {"thresholds": {"orders": {"hold": ["data_owner"]}}})
	given := facts.order("clerk@acme.example", "hold")
	decision := main.decision with input as given with data.remit.registry as registry
	decision.effect == "allow"
}

test_without_people_nobody_orders if {
	given := facts.order("operator@acme.example", "resume")
	decision := main.decision with input as given with data.remit.registry as {}
	facts.codes(decision.reasons) == {"order.unknown_person"}
}

test_without_roles_nobody_orders if {
	given := facts.order("operator@acme.example", "resume")
	decision := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.defaults.thresholds as {}
	facts.codes(decision.reasons) == {"order.role_missing"}
}

ended(by, name, ago_ms) := object.union(facts.order(by, name), {
	"order": {"ended_ms": 1000000000 - ago_ms},
	"context": {"now_ms": 1000000000, "scheduled_ms": 1000000000},
})

test_a_completed_run_is_rolled_back_inside_its_window if {
	permitted(ended("operator@acme.example", "rollback", 604800000)) == {"order.permitted"}
	refused(ended("operator@acme.example", "rollback", 604800001)) == {"order.window"}
}

test_contents_are_forgotten_when_nothing_can_be_rolled_back_any_more if {
	permitted(ended("clerk@acme.example", "forget", 604800001)) == {"order.permitted"}
	refused(ended("clerk@acme.example", "forget", 604800000)) == {"order.may_be_rolled_back"}
	refused(ended("operator@acme.example", "forget", 604800001)) == {"order.role_missing"}
	refused(ended("requester@acme.example", "forget", 604800001)) == {"order.role_missing"}
}

test_a_run_is_retained_and_released_at_any_time if {
	every name in ["retain", "release"] {
		permitted(ended("clerk@acme.example", name, 1000)) == {"order.permitted"}
		permitted(facts.order("clerk@acme.example", name)) == {"order.permitted"}
		refused(facts.order("operator@acme.example", name)) == {"order.role_missing"}
	}
}

test_whoever_it_acted_for_may_order_it_back if {
	permitted(ended("requester@acme.example", "rollback", 1000)) == {"order.own_run"}
}

test_a_run_that_has_ended_takes_no_other_order if {
	refused(ended("operator@acme.example", "amend", 1000)) == {"order.ended"}
}

test_without_a_window_nothing_is_rolled_back if {
	given := ended("operator@acme.example", "rollback", 1000)
	decision := main.decision with input as given
		with data.remit.registry as facts.registry
		with data.remit.defaults.thresholds as {"orders": {"rollback": ["operator"]}}
	facts.codes(decision.reasons) == {"order.window"}
}
