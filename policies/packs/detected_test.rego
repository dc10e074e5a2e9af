package remit.packs.detected_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main
import data.remit.packs.detected

cards := {"name": "cards", "classes": ["payment_card", "iban"], "do": "deny"}

registry(entries) := object.union(facts.registry, {"thresholds": {"packs": {"detected": entries}}})

found(classes) := {"detected": {"classes": classes, "places": [], "whole": true}}

denied(action, changes) := facts.codes(reasons) if {
	reasons := detected.denies with input as facts.call(action) with data.remit.registry as registry([object.union(cards, changes)])
}

obliged(action, changes) := obligations if {
	obligations := detected.obligations with input as facts.call(action) with data.remit.registry as registry([object.union(cards, changes)])
}

asked(action, changes) := gates if {
	gates := detected.gates with input as facts.call(action) with data.remit.registry as registry([object.union(cards, changes)])
}

test_what_is_found_is_refused if {
	denied(found(["iban"]), {}) == {"detected.refused"}
	denied(found(["email", "payment_card"]), {}) == {"detected.refused"}
	denied(found(["email"]), {}) == set()
	denied(found([]), {}) == set()
}

test_what_could_not_be_looked_through_counts_as_found if {
	denied({"detected": {"classes": [], "places": [], "whole": false}}, {}) == {"detected.refused"}
	count(obliged({"detected": {"classes": [], "places": [], "whole": false}}, {"do": "redact"})) == 1
}

test_the_message_names_what_was_found if {
	reasons := detected.denies with input as facts.call(found(["email", "iban"])) with data.remit.registry as registry([cards])
	{reason.message | some reason in reasons} == {"cards: iban in the arguments"}
	unknown := detected.denies with input as facts.call({"detected": {"whole": false}}) with data.remit.registry as registry([cards])
	{reason.message | some reason in unknown} == {"cards: what could not be looked through in the arguments"}
}

test_it_may_be_asked_about if {
	asking := {"do": "gate", "gate": {"role": "data_owner", "expires_in_ms": 1000}}
	{[gate.code, gate.role, gate.message] | some gate in asked(found(["iban"]), asking)} == {["detected.asked", "data_owner", "cards: iban in the arguments"]}
	{gate.role | some gate in asked(found(["iban"]), {"do": "gate"})} == {"operator"}
	asked(found(["iban"]), {}) == set()
	asked(found([]), asking) == set()
	denied(found(["iban"]), asking) == set()
}

test_it_may_be_taken_out if {
	obliged(found(["iban"]), {"do": "redact"}) == {{"type": "redact", "critical": true, "paths": [], "classes": ["payment_card", "iban"]}}
	obliged(found([]), {"do": "redact"}) == set()
	obliged(found(["iban"]), {}) == set()
}

test_of_an_answer_it_is_taken_out_whatever_was_asked if {
	of_output := {"do": "redact", "of": "output"}
	obliged(found([]), of_output) == {{"type": "redact", "critical": true, "paths": [], "classes": ["payment_card", "iban"], "of": "output"}}
	obliged(found(["iban"]), of_output) == obliged(found([]), of_output)
	denied(found(["iban"]), object.union(of_output, {"do": "deny"})) == set()
}

test_other_calls_are_not_meant if {
	here := {"calls": {"domain": "crm"}}
	denied(found(["iban"]), here) == set()
	obliged(found(["iban"]), object.union(here, {"do": "redact", "of": "output"})) == set()
	denied(object.union(found(["iban"]), {"purpose": "probe", "operation": "read"}), {}) == set()
	obliged(object.union(found(["iban"]), {"direction": "undo"}), {"do": "redact"}) == set()
}

test_the_decision_says_so if {
	allowed := main.decision with input as facts.call(found(["iban"])) with data.remit.registry as registry([object.union(cards, {"do": "redact"})])
	allowed.effect == "allow"
	{obligation.type | some obligation in allowed.obligations} == {"redact"}
	refused := main.decision with input as facts.call(found(["iban"])) with data.remit.registry as registry([cards])
	facts.codes(refused.reasons) == {"detected.refused"}
	asking := object.union(cards, {"do": "gate"})
	gated := main.decision with input as facts.call(found(["iban"])) with data.remit.registry as registry([asking])
	{gate.code | some gate in gated.approvals} == {"detected.asked"}
}
