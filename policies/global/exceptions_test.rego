package remit.global.exceptions_test

import rego.v2

import data.remit.global.exceptions
import data.remit.lib.fixtures_test as facts
import data.remit.main

exception := {"code": "tool.forbidden", "ticket": "SEC-7", "owner": "ciso@acme.example", "expires_ms": 1000001}

registry(changes, more) := object.union(facts.registry, {
	"exceptions": [object.union(exception, changes)],
	"thresholds": object.union({"forbidden_tools": ["finance.book@1"], "waivable": ["tool.forbidden"]}, more),
})

decide(changes, more, given) := decision if {
	decision := main.decision with input as given with data.remit.registry as registry(changes, more)
}

test_an_exception_lifts_its_refusal_and_is_told if {
	decision := decide({}, {}, facts.call({}))
	decision.effect == "allow"
	facts.codes(decision.permits) == {"finance.scoped", "exception.lifted"}
	some told in decision.permits
	told.message == "tool.forbidden is lifted until 1000001 by SEC-7, for which ciso@acme.example answers"
}

test_it_may_be_for_one_agent_and_one_tool if {
	decide({"agent": "buyer", "tool": "finance.book@1"}, {}, facts.call({})).effect == "allow"
	decide({"agent": "listed"}, {}, facts.call({})).effect == "deny"
	decide({"tool": "finance.other@1"}, {}, facts.call({})).effect == "deny"
}

test_an_expired_one_has_no_effect if decide({"expires_ms": 1000000}, {}, facts.call({})).effect == "deny"

test_one_for_another_code_has_no_effect if {
	decision := decide({"code": "region.forbidden"}, {"waivable": ["region.forbidden", "tool.forbidden"]}, facts.call({}))
	facts.codes(decision.reasons) == {"tool.forbidden"}
}

test_only_what_is_waivable_is_lifted if {
	decision := decide({}, {"waivable": []}, facts.call({}))
	facts.codes(decision.reasons) == {"tool.forbidden"}
	decision.permits == []
}

test_what_else_is_refused_stays_refused if {
	decision := decide({}, {}, facts.call({"destinations": ["evil.example"]}))
	facts.codes(decision.reasons) == {"egress.host"}
}

test_an_exception_permits_nothing if {
	registry_of_nobody := object.union(registry({}, {}), {"agents": {"buyer": {"scopes": ["finance.read"], "tenants": ["acme"]}}})
	permitless := {"finance": {"x": {"permits": set()}}}
	decision := main.decision with input as facts.call({"operation": "read"})
		with data.remit.registry as registry_of_nobody
		with data.remit.domains as permitless
	facts.codes(decision.reasons) == {"policy.not_granted"}
}

test_a_gate_still_waits if {
	decision := decide({}, {}, facts.call({"irreversible": true}))
	decision.effect == "require_approval"
	"exception.lifted" in facts.codes(decision.permits)
}

test_only_a_call_is_lifted if {
	found := exceptions.in_force with input as facts.admission([])
		with data.remit.registry as registry({"code": "plan.empty"}, {"waivable": ["plan.empty"]})
	found == {}
	other := exceptions.in_force with input as object.union(facts.call({}), {"kind": "vote"}) with data.remit.registry as registry({}, {})
	other == {}
}

test_without_exceptions_nothing_is_told if {
	decision := main.decision with input as facts.call({}) with data.remit.registry as facts.registry
	facts.codes(decision.permits) == {"finance.scoped"}
}
