"""The rules of effect once, as values: each refusal, and what each transition leaves."""

from dataclasses import replace

import pytest

from remit.canonical import digest
from remit.ledger import barriers, rules
from remit.ledger.entries import Action, Intent, Reserve, State, Totals
from remit.ledger.errors import LedgerError
from remit.plan.path import Segment, StepKey
from tests.stores.ledger_values import CLOCK, DECISION, ROOT, gate, intent, key, outcome

NOW = CLOCK.now_ms


def _action(state: State = State.OPEN, attempts: int = 1, wanted: Intent | None = None) -> Action:
    opened = rules.begin(wanted or intent(), None, NOW)
    return replace(opened, state=state, attempts=attempts)


def _code(error: pytest.ExceptionInfo[LedgerError]) -> str:
    return error.value.code


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.OPEN, "STEP-OPEN"),
        (State.HAPPENED, "STEP-HAPPENED"),
        (State.IN_DOUBT, "STEP-IN-DOUBT"),
    ],
)
def test_a_standing_action_refuses_an_intent(state: State, code: str) -> None:
    """What is open, happened or in doubt is not begun again."""
    with pytest.raises(LedgerError) as error:
        rules.check_begin(intent(), _action(state), None)

    assert _code(error) == code


@pytest.mark.parametrize("state", [State.REFUSED, State.FAILED])
def test_no_effect_leaves_room_for_another_try(state: State) -> None:
    """After certainly no effect, the next attempt begins until tries are used up."""
    before = _action(state, attempts=2)

    rules.check_begin(intent(), before, None)
    after = rules.begin(intent(), before, NOW)
    with pytest.raises(LedgerError) as error:
        rules.check_begin(intent(), replace(before, attempts=3), None)

    assert (after.state, after.attempts) == (State.OPEN, 3)
    assert _code(error) == "STEP-EXHAUSTED"


@pytest.mark.parametrize("missing", ["decision_id", "revision"])
def test_no_intent_without_a_decision(missing: str) -> None:
    """An intent must name its decision and the revision that gave it."""
    for decision in (
        {**DECISION, missing: ""},
        {k: v for k, v in DECISION.items() if k != missing},
    ):
        with pytest.raises(LedgerError) as error:
            rules.check_begin(intent(decision=decision), None, None)

        assert _code(error) == "DECISION-ABSENT"


def test_an_undo_needs_something_that_happened() -> None:
    """An undo waits for its `do`, and has nothing to do where that had no effect."""
    undo = intent(key().undo)
    codes = {}
    for state in (State.OPEN, State.IN_DOUBT, State.REFUSED, State.FAILED):
        with pytest.raises(LedgerError) as error:
            rules.check_begin(undo, None, _action(state))
        codes[state] = _code(error)

    rules.check_begin(undo, None, _action(State.HAPPENED))

    assert codes == {
        State.OPEN: "STEP-OPEN",
        State.IN_DOUBT: "STEP-IN-DOUBT",
        State.REFUSED: "STEP-NOT-DONE",
        State.FAILED: "STEP-NOT-DONE",
    }


def test_a_do_never_follows_its_undo() -> None:
    """Once an undo has an intent its `do` is refused, whatever became of the undo."""
    for state in State:
        undo = replace(_action(state), key=key().undo)
        with pytest.raises(LedgerError) as error:
            rules.check_begin(intent(), None, undo)

        assert _code(error) == "STEP-UNDONE"


@pytest.mark.parametrize(
    ("parent", "segment", "standing", "code"),
    [
        ("", Segment("a"), {"a": barriers.FENCED}, "STEP-FENCED"),
        ("", Segment("a", 3), {"a": barriers.FENCED}, "STEP-FENCED"),
        ("", Segment("a", 3, 2), {"": barriers.FENCED}, "STEP-FENCED"),
        ("a[3]", Segment("b"), {"a": barriers.FENCED}, "STEP-FENCED"),
        ("a[3]@1", Segment("b"), {"a[3]": barriers.FENCED}, "STEP-FENCED"),
        ("", Segment("a", None, 4), {"a": 1}, "STEP-SUPERSEDED"),
        ("", Segment("a", 3, 0, 1), {"a[3]": 2}, "STEP-SUPERSEDED"),
        ("a", Segment("b", None, 0, 7), {"a": 1}, "STEP-SUPERSEDED"),
        ("a/b", Segment("c"), {"a/b": 1}, "STEP-SUPERSEDED"),
        ("", Segment("a", 3, 0, 1), {"a[3]": 1}, ""),
        ("", Segment("a", 4), {"a[3]": 1}, ""),
        ("a[4]", Segment("b"), {"a[3]": barriers.FENCED}, ""),
        ("", Segment("ab"), {"a": barriers.FENCED}, ""),
        ("a@1", Segment("b"), {"a": 1}, ""),
    ],
)
def test_barriers_stop_what_stands_below_them(
    parent: str, segment: Segment, standing: dict[str, int], code: str
) -> None:
    """A fence or a higher generation stops its path and everything below, nothing else."""
    step = StepKey(ROOT, parent, segment)
    found = ""
    try:
        barriers.check_barriers(step, standing)
    except LedgerError as error:
        found = error.code

    assert found == code


def test_a_generation_is_a_barrier_for_lower_ones() -> None:
    """Beginning a higher generation anywhere on a path puts up the barrier there."""
    step = StepKey(ROOT, "a[2]@3", Segment("b", None, 1, 2))

    assert barriers.new_barriers(step) == {"a[2]": 3, "a[2]/b": 2}
    assert barriers.new_barriers(key()) == {}


def test_fence_paths_leave_out_what_varies() -> None:
    """A fence stands at the path without iterations and generations."""
    assert barriers.fence_path("", "") == ""
    assert barriers.fence_path("a[1]~2@3", "b") == "a[1]/b"


@pytest.mark.parametrize(
    "change",
    [
        {"state": "open"},
        {"state": "void"},
        {"key": key("other")},
        {"proposed_digest": digest("other")},
        {"expires_ms": NOW},
        {"consumed_by": str(key("other"))},
    ],
)
def test_a_grant_permits_one_thing_once_for_a_while(change: dict[str, object]) -> None:
    """A grant in another state, for another action, expired or used by another is no grant."""
    granted = replace(gate(), state="granted")
    wanted = intent(grants=["order#1"])

    rules.check_grant(granted, wanted, NOW)
    rules.check_grant(replace(granted, consumed_by=str(wanted.key)), wanted, NOW)
    with pytest.raises(LedgerError) as error:
        rules.check_grant(replace(granted, **change), wanted, NOW)

    assert _code(error) == "GRANT-USED"


def test_a_lease_is_respected_then_taken_once() -> None:
    """Nobody takes over early, and of two who do one finds it lost."""
    held = _action()
    late = held.lease_until_ms

    with pytest.raises(LedgerError) as early:
        rules.take_over(held, held.key, 1, "worker-2", late + 1, late - 1)
    taken = rules.take_over(held, held.key, 1, "worker-2", late + 9, late)
    with pytest.raises(LedgerError) as second:
        rules.take_over(taken, held.key, 1, "worker-3", late + 9, late)

    assert (_code(early), _code(second)) == ("LEASE-HELD", "LEASE-LOST")
    assert (taken.attempts, taken.owner, taken.state) == (2, "worker-2", State.OPEN)


def test_only_the_owner_of_the_last_attempt_ends_it() -> None:
    """Another owner, an older attempt and a closed action cannot record an outcome."""
    taken = replace(_action(attempts=2), owner="worker-2")
    for wrong in (
        outcome(attempt=1, owner="worker-2"),
        outcome(attempt=2, owner="worker-1"),
    ):
        with pytest.raises(LedgerError) as error:
            rules.finish(taken, wrong, NOW, 1)
        assert _code(error) == "LEASE-LOST"

    ended = rules.finish(taken, outcome(attempt=2, owner="worker-2"), NOW, 7)

    assert (ended.state, ended.effect_order, ended.ended_ms) == (State.HAPPENED, 7, NOW)


def test_unknown_gives_the_lease_up_but_not_before_a_call_may_land() -> None:
    """`open` ends the lease at once, or when a sent call can land no more, never later."""
    held = _action()
    sent = rules.finish(held, outcome(state=State.OPEN, lease_until_ms=NOW + 5), NOW, 1)
    longer = rules.finish(
        held, outcome(state=State.OPEN, lease_until_ms=held.lease_until_ms + 1), NOW, 1
    )

    assert rules.finish(held, outcome(state=State.OPEN), NOW, 1).lease_until_ms == NOW
    assert sent.lease_until_ms == NOW + 5
    assert longer.lease_until_ms == held.lease_until_ms


def test_totals_follow_an_action_through() -> None:
    """Money is reserved at intent, settled at the outcome; calls and effects are counted once."""
    wanted = intent(reserve=[Reserve("run/run/micros", 40, 100), Reserve("run/run/calls", 1, 9)])
    begun = rules.begin(wanted, None, NOW)
    after_begin = rules.count(Totals(), None, begun)
    ended = rules.finish(begun, outcome(spent=25), NOW, 1)
    after_end = rules.count(after_begin, begun, ended)

    assert after_begin == Totals(calls=1, reserved_micros=40)
    assert after_end == Totals(calls=1, effects=1, spent_micros=25)


def test_reads_are_calls_without_effect() -> None:
    """A read that happened is a call, not an effect."""
    begun = rules.begin(intent(operation="read"), None, NOW)
    totals = rules.count(Totals(), None, begun)

    assert rules.count(totals, begun, rules.finish(begun, outcome(), NOW, 1)).effects == 0


def test_reservations_of_one_counter_are_one() -> None:
    """Two rules that reserve the same counter add up, under the lower ceiling."""
    merged = rules.merge_reserves(
        [
            Reserve("run/b/micros", 5, 100),
            Reserve("run/a/micros", 1, 10),
            Reserve("run/b/micros", 7, 50),
        ]
    )

    assert merged == [Reserve("run/a/micros", 1, 10), Reserve("run/b/micros", 12, 50)]
    assert rules.cost_of(merged) == 12


@pytest.mark.parametrize(
    ("state", "consumed", "ask", "after_ms", "stands"),
    [
        ("open", "", "expired", -1, "open"),
        ("open", "", "expired", 0, "expired"),
        ("open", "", "abandoned", -1, "abandoned"),
        ("granted", "", "expired", 0, "granted"),
        ("granted", "", "void", -1, "void"),
        ("granted", "some key", "void", -1, "granted"),
        ("rejected", "", "void", -1, "rejected"),
    ],
)
def test_a_gate_ends_once(state: str, consumed: str, ask: str, after_ms: int, stands: str) -> None:
    """A gate keeps its first end; it expires at its time; only an unused grant can be voided."""
    standing = replace(gate(), state=state, consumed_by=consumed)

    assert rules.end_gate(standing, ask, standing.expires_ms + after_ms) == stands
