package remit.global.egress_test

import rego.v2

import data.remit.global.egress
import data.remit.lib.fixtures_test as facts

denied(hosts) := facts.codes(reasons) if {
	reasons := egress.denies with input as facts.call({"destinations": hosts})
		with data.remit.registry as facts.registry
}

test_listed_hosts_are_reached if {
	denied([]) == set()
	denied(["erp.acme.example"]) == set()
	denied(["ERP.acme.example."]) == set()
	denied(["api.partner.example"]) == set()
	denied(["a.b.partner.example"]) == set()
}

test_other_hosts_are_not if {
	every host in [
		"evil.example", "acme.example", "x.erp.acme.example", "erp.acme.example.evil.example",
		"partner.example", "evilpartner.example", "evil.example/x.partner.example",
		"user@erp.acme.example", "evil.example?.partner.example", "erp.acme.example:8080", "",
		"..partner.example", "[::1]", "evil.example#.partner.example", "xn--e.example", "*.partner.example",
		"erp.acme.example%2eevil.example", "ｅrp.acme.example", "erp.аcme.example", "xn--erp-acme.example",
		"2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "erp.acme.example..", " erp.acme.example",
	] {
		denied([host]) == {"egress.host"}
	}
}

test_one_foreign_host_is_enough if denied(["erp.acme.example", "evil.example"]) == {"egress.host"}

test_a_tenant_without_a_list_reaches_nothing if {
	given := object.union(facts.call({}), {"principal": {"tenant": "other"}})
	reasons := egress.denies with input as given with data.remit.registry as facts.registry
	facts.codes(reasons) == {"egress.host"}
}

test_an_undo_reaches_no_other_hosts_either if {
	reasons := egress.undo_denies with input as facts.undo({"destinations": ["evil.example"]})
		with data.remit.registry as facts.registry
	facts.codes(reasons) == {"egress.host"}
}

test_a_plan_is_refused_before if {
	reasons := egress.plan_denies with input as facts.admission([{"destinations": ["evil.example"]}])
		with data.remit.registry as facts.registry
	facts.codes(reasons) == {"plan.egress"}
	listed := egress.plan_denies with input as facts.admission([{"destinations": ["erp.acme.example"]}])
		with data.remit.registry as facts.registry
	listed == set()
}
