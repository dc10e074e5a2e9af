package remit.packs.hours_test

import rego.v2

import data.remit.lib.fixtures_test as facts
import data.remit.main
import data.remit.packs.hours

# 2026-11-23 is a Monday.
monday := 1795392000000

minute := 60000

office := {"name": "office", "calls": {"operation": "write"}, "days": [1, 2, 3, 4, 5], "from_minute": 540, "to_minute": 1020}

registry(entries) := object.union(facts.registry, {"thresholds": {"packs": {"hours": entries}}})

at(ms, action) := object.union(facts.call(action), {"context": {"now_ms": ms, "scheduled_ms": ms}, "run": {"deadline_ms": ms}})

denied(ms, changes) := facts.codes(reasons) if {
	reasons := hours.denies with input as at(ms, {}) with data.remit.registry as registry([object.union(office, changes)])
}

test_hours_begin_with_their_first_minute_and_end_before_their_last if {
	denied(monday + (540 * minute), {}) == set()
	denied((monday + (540 * minute)) - 1, {}) == {"hours.closed"}
	denied((monday + (1020 * minute)) - 1, {}) == set()
	denied(monday + (1020 * minute), {}) == {"hours.closed"}
}

test_days_are_those_of_the_table if {
	noon := 720 * minute
	every day in [0, 1, 2, 3, 4] {
		denied((monday + ((day * 1440) * minute)) + noon, {}) == set()
	}
	every day in [5, 6] {
		denied((monday + ((day * 1440) * minute)) + noon, {}) == {"hours.closed"}
	}
	denied(noon, {"days": [4]}) == set()
	denied(noon, {"days": [3, 5]}) == {"hours.closed"}
}

test_the_offset_moves_clock_and_day if {
	denied(monday + (480 * minute), {"offset_minutes": 60}) == set()
	denied(monday - minute, {"offset_minutes": 60, "from_minute": 0, "days": [1]}) == set()
	denied(monday, {"offset_minutes": -60, "from_minute": 0, "to_minute": 1440, "days": [1]}) == {"hours.closed"}
}

test_other_calls_and_questions_have_no_hours if {
	every action in [{"operation": "read"}, {"purpose": "probe", "operation": "read"}, {"purpose": "probe"}] {
		reasons := hours.denies with input as at(monday, action) with data.remit.registry as registry([office])
		reasons == set()
	}
}

test_a_table_that_refuses_does_not_ask_as_well if {
	gates := hours.gates with input as at(monday, {}) with data.remit.registry as registry([office])
	gates == set()
}

test_a_table_may_ask_instead if {
	asking := object.union(office, {"do": "gate", "gate": {"role": "duty_officer", "expires_in_ms": 1000}})
	closed := main.decision with input as at(monday, {}) with data.remit.registry as registry([asking])
	{[gate.code, gate.role] | some gate in closed.approvals} == {["hours.outside", "duty_officer"]}
	open := main.decision with input as at(monday + (540 * minute), {}) with data.remit.registry as registry([asking])
	open.effect == "allow"
	refused := main.decision with input as at(monday, {}) with data.remit.registry as registry([office, asking])
	facts.codes(refused.reasons) == {"hours.closed"}
}
