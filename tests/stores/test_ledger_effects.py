"""The effect-once protocol on a real file, one behaviour at a time."""

from collections.abc import Awaitable
from dataclasses import replace

import pytest

from remit.canonical import canonical, digest
from remit.ledger.entries import FrozenUndo, Reserve, State, Totals
from remit.ledger.errors import LedgerError
from remit.stores.ledger import SqlLedger, wall_ms
from tests.stores.ledger_values import (
    COMPILED,
    CONTRACT,
    LEASE_MS,
    ROOT,
    HandClock,
    chain_of,
    content,
    gate,
    intent,
    key,
    kinds,
    outcome,
    run_row,
    vote,
)


async def refusal(call: Awaitable[object]) -> str:
    """Return the code with which the ledger refuses."""
    with pytest.raises(LedgerError) as error:
        await call
    return error.value.code


async def test_a_call_is_recorded_from_intent_to_outcome(ledger: SqlLedger) -> None:
    """Begin and finish leave action, contents, totals and records that tell the whole story."""
    wanted = intent(reserve=[Reserve("run/run/micros", 40, 100)])

    assert await ledger.begin(wanted) == 1
    meanwhile = await ledger.look(key())
    ended = await ledger.finish(outcome(spent=25))
    seen = await ledger.look(key())

    assert meanwhile.action is not None
    assert (meanwhile.action.state, meanwhile.action.attempts) == (State.OPEN, 1)
    assert meanwhile.totals == Totals(calls=1)
    assert seen.action == ended
    assert ended.undo == FrozenUndo("erp.cancel_order@1", CONTRACT, digest("undo"))
    assert seen.totals == Totals(calls=1, effects=1, spent_micros=25)
    assert await ledger.get(ended.output or "") == canonical({"done": str(key())})
    assert await ledger.counter("run/run/micros") == 25
    records = await chain_of(ledger)
    assert kinds(records) == ["admission", "intent", "outcome"]
    assert records[1]["body"]["decision"] == wanted.decision
    assert records[2]["seq"] == ended.effect_order


async def test_records_hold_digests_never_payloads(ledger: SqlLedger) -> None:
    """Arguments, outputs, evidence, cards and vote bodies stand beside the chain."""
    marked = content({"secret": "payload-marker"})
    await ledger.begin(replace(intent(), arguments=marked))
    await ledger.finish(replace(outcome(state=State.IN_DOUBT), output=marked))
    await ledger.resolve(key(), True, {"output": {"x": "payload-marker"}})
    await ledger.open_gate(replace(gate(), card={"x": "payload-marker"}), [])
    await ledger.vote(ROOT, [replace(vote("e1"), body={"x": "payload-marker"})])

    records = await chain_of(ledger)

    assert kinds(records)[1:] == ["intent", "outcome", "resolve", "gate", "vote", "gate_end"]
    assert b"payload-marker" not in canonical(records)
    assert await ledger.get(marked.digest) == marked.body


async def test_a_standing_call_is_not_begun_again(ledger: SqlLedger) -> None:
    """Open, happened and in doubt each refuse another intent, by another owner too."""
    await ledger.begin(intent())
    assert await refusal(ledger.begin(intent(owner="worker-2"))) == "STEP-OPEN"

    await ledger.finish(outcome(state=State.IN_DOUBT))
    assert await refusal(ledger.begin(intent())) == "STEP-IN-DOUBT"

    await ledger.resolve(key(), True, {})
    assert await refusal(ledger.begin(intent())) == "STEP-HAPPENED"


async def test_refused_attempts_are_counted_until_exhausted(ledger: SqlLedger) -> None:
    """Each refusal closes the attempt; the next one begins until the tries are used up."""
    for attempt in (1, 2):
        assert await ledger.begin(intent(max_attempts=2)) == attempt
        ended = await ledger.finish(outcome(state=State.REFUSED, attempt=attempt))
        assert ended.refusals == attempt

    assert await refusal(ledger.begin(intent(max_attempts=2))) == "STEP-EXHAUSTED"


async def test_a_run_must_be_admitted_and_open(ledger: SqlLedger) -> None:
    """No intent without an admitted run; a closed one begins no `do`, but still undoes."""
    assert await refusal(ledger.begin(intent(key(root="stranger")))) == "RUN-ABSENT"
    await ledger.begin(intent())
    await ledger.finish(outcome())

    assert await ledger.close_run(ROOT, "cancelled", [])
    assert not await ledger.close_run(ROOT, "failed", [])

    assert await refusal(ledger.begin(intent(key("other")))) == "RUN-CLOSED"
    assert await ledger.begin(intent(key().undo)) == 1
    closed = await ledger.run(ROOT)
    assert closed is not None
    assert closed.closed == "cancelled"
    assert kinds(await chain_of(ledger)).count("closed") == 1


async def test_undo_and_do_exclude_each_other(ledger: SqlLedger) -> None:
    """An undo follows what happened; its `do` never follows it, not even as a new attempt."""
    assert await refusal(ledger.begin(intent(key().undo))) == "STEP-NOT-DONE"
    await ledger.begin(intent())
    assert await refusal(ledger.begin(intent(key().undo))) == "STEP-OPEN"
    await ledger.finish(outcome())
    await ledger.begin(intent(key().undo))
    await ledger.finish(outcome(key().undo))

    seen = await ledger.look(key())

    assert seen.undo is not None
    assert seen.undo.state is State.HAPPENED
    assert seen.totals.undone == 1
    assert await refusal(ledger.begin(intent())) == "STEP-UNDONE"


async def test_a_higher_generation_supersedes_lower_ones(ledger: SqlLedger) -> None:
    """Once generation 1 of an item, or of an enclosing part, has begun, generation 0 may not."""
    await ledger.begin(intent(key("crm", 3, parent="onboard@1", generation=1)))

    late = key("crm", 3, parent="onboard@1", iteration=2)
    assert await refusal(ledger.begin(intent(late))) == "STEP-SUPERSEDED"
    assert await refusal(ledger.begin(intent(key("mail", parent="onboard")))) == "STEP-SUPERSEDED"
    assert await ledger.begin(intent(key("crm", 4, parent="onboard@1"))) == 1
    assert await ledger.begin(intent(key("onboarding"))) == 1


async def test_a_fence_stops_late_calls_but_not_undos(ledger: SqlLedger) -> None:
    """Behind a fence nothing new begins, while what happened can be undone."""
    await ledger.begin(intent(key("crm", 1)))
    await ledger.finish(outcome(key("crm", 1)))

    await ledger.fence(ROOT, "", "crm")
    await ledger.fence(ROOT, "", "crm")

    assert await refusal(ledger.begin(intent(key("crm", 2)))) == "STEP-FENCED"
    assert await refusal(ledger.begin(intent(key("x", parent="crm[7]")))) == "STEP-FENCED"
    assert await ledger.begin(intent(key("crm", 1).undo)) == 1
    assert await ledger.begin(intent(key("mail"))) == 1
    await ledger.fence(ROOT, "")
    assert await refusal(ledger.begin(intent(key("last")))) == "STEP-FENCED"
    assert kinds(await chain_of(ledger)).count("fence") == 2


async def test_a_lease_is_taken_over_only_after_it_ran_out(
    ledger: SqlLedger, clock: HandClock
) -> None:
    """The taker waits for the lease, and the former owner's outcome comes too late."""
    await ledger.begin(intent())
    taking = ledger.take_over(key(), 1, "worker-2", clock.now_ms + 3 * LEASE_MS)
    assert await refusal(taking) == "LEASE-HELD"

    clock.advance(LEASE_MS)
    assert await ledger.take_over(key(), 1, "worker-2", clock.now_ms + LEASE_MS) == 2

    again = ledger.take_over(key(), 1, "worker-3", clock.now_ms + LEASE_MS)
    assert await refusal(again) == "LEASE-LOST"
    assert await refusal(ledger.finish(outcome())) == "LEASE-LOST"
    ended = await ledger.finish(outcome(attempt=2, owner="worker-2"))
    assert ended.state is State.HAPPENED
    assert kinds(await chain_of(ledger))[1:] == ["intent", "takeover", "outcome"]


async def test_giving_up_is_one_write(ledger: SqlLedger, clock: HandClock) -> None:
    """After the lease the attempt becomes a question at once; said again, nothing changes."""
    await ledger.begin(intent(reserve=[Reserve("run/r/micros", 4, 9)]))
    assert await refusal(ledger.give_up(key(), 1, "worker-2", "gone")) == "LEASE-HELD"
    clock.advance(LEASE_MS)
    assert await refusal(ledger.give_up(key(), 2, "worker-2", "gone")) == "LEASE-LOST"
    asked = await ledger.give_up(key(), 1, "worker-2", "gone")
    again = await ledger.give_up(key(), 1, "worker-2", "gone")

    assert asked.state is State.IN_DOUBT
    assert (asked.attempts, asked.owner, asked.code) == (2, "worker-2", "STEP-IN-DOUBT")
    assert again == asked
    assert await refusal(ledger.give_up(key(), 1, "worker-3", "gone")) == "LEASE-LOST"
    assert await ledger.counter("run/r/micros") == 4
    assert kinds(await chain_of(ledger))[1:] == ["intent", "takeover", "outcome"]


async def test_an_owner_may_still_finish_after_its_lease(
    ledger: SqlLedger, clock: HandClock
) -> None:
    """An outcome that comes late is recorded as long as nobody took the attempt over."""
    await ledger.begin(intent())
    clock.advance(10 * LEASE_MS)

    assert (await ledger.finish(outcome())).state is State.HAPPENED


async def test_unknown_frees_the_attempt_at_once(ledger: SqlLedger) -> None:
    """An unknown outcome leaves the key open, for the next taker without waiting."""
    await ledger.begin(intent())
    unknown = await ledger.finish(outcome(state=State.OPEN, code="TIMEOUT"))

    assert (unknown.state, unknown.code) == (State.OPEN, "TIMEOUT")
    assert await ledger.take_over(key(), 1, "worker-2", 2**50) == 2


async def test_an_outcome_sent_twice_is_recorded_once(ledger: SqlLedger) -> None:
    """A worker whose answer got lost may say the same again; anything else is refused."""
    await ledger.begin(intent())
    first = await ledger.finish(outcome())

    assert await ledger.finish(outcome()) == first
    assert await refusal(ledger.finish(outcome(state=State.REFUSED))) == "LEASE-LOST"
    assert kinds(await chain_of(ledger)).count("outcome") == 1
    assert (await ledger.totals(ROOT)).effects == 1


async def test_a_reservation_never_passes_its_ceiling(ledger: SqlLedger) -> None:
    """What does not fit is refused whole: no intent, no counter, no record."""
    await ledger.begin(intent(key("a"), reserve=[Reserve("run/run/micros", 80, 100)]))
    greedy = [Reserve("run/run/calls", 1, 9), Reserve("run/run/micros", 30, 100)]

    assert await refusal(ledger.begin(intent(key("b"), reserve=greedy))) == "RESERVE-CONFLICT"

    assert await ledger.counter("run/run/micros") == 80
    assert await ledger.counter("run/run/calls") == 0
    assert (await ledger.look(key("b"))).action is None
    assert kinds(await chain_of(ledger)) == ["admission", "intent"]


@pytest.mark.parametrize(
    ("state", "money", "calls", "totals"),
    [
        (State.HAPPENED, 25, 1, Totals(calls=1, effects=1, spent_micros=25)),
        (State.REFUSED, 0, 0, Totals(calls=1)),
        (State.FAILED, 0, 0, Totals(calls=1)),
        (State.IN_DOUBT, 40, 1, Totals(calls=1, reserved_micros=40)),
        (State.OPEN, 40, 1, Totals(calls=1, reserved_micros=40)),
    ],
)
async def test_outcomes_settle_release_or_hold(
    ledger: SqlLedger, state: State, money: int, calls: int, totals: Totals
) -> None:
    """Happened costs what it cost, refused and failed cost nothing, the unknown is held."""
    reserve = [Reserve("run/run/micros", 40, 100), Reserve("run/run/calls", 1, 9)]
    await ledger.begin(intent(reserve=reserve))
    await ledger.finish(outcome(state=state, spent=25))

    assert await ledger.counter("run/run/micros") == money
    assert await ledger.counter("run/run/calls") == calls
    assert await ledger.totals(ROOT) == totals


@pytest.mark.parametrize(("tokens", "stands"), [(7, 7), (0, 0), (None, 500)])
async def test_counters_of_tokens_hold_what_a_call_took(
    ledger: SqlLedger, tokens: int | None, stands: int
) -> None:
    """As money does, and apart from it; where nobody knows, as much as it could have taken."""
    reserve = [Reserve("agent/a/words/0/tokens", 500, 900), Reserve("run/run/micros", 40, 100)]
    await ledger.begin(intent(reserve=reserve))
    assert await ledger.counter("agent/a/words/0/tokens") == 500

    await ledger.finish(outcome(tokens=tokens, spent=25))

    assert await ledger.counter("agent/a/words/0/tokens") == stands
    assert await ledger.counter("run/run/micros") == 25


async def test_counters_of_time_hold_how_long_a_call_took(ledger: SqlLedger) -> None:
    """From its last intent to its outcome, and never more than came to pass."""
    before = wall_ms()
    await ledger.begin(intent(reserve=[Reserve("agent/a/busy/0/ms", 90_000_000, 90_000_000)]))
    ended = await ledger.finish(outcome())
    after = wall_ms()

    took = await ledger.counter("agent/a/busy/0/ms")
    assert ended.ended_ms is not None
    assert took == ended.ended_ms - ended.begun_ms <= after - before


async def test_what_a_person_says_happened_took_as_much_as_it_could(ledger: SqlLedger) -> None:
    """How long it was in doubt says nothing of the call."""
    await ledger.begin(intent(reserve=[Reserve("agent/a/busy/0/ms", 5000, 9000)]))
    await ledger.finish(outcome(state=State.IN_DOUBT))
    await ledger.resolve(key(), True, {"by": "ann", "output": {"id": 7}})

    assert await ledger.counter("agent/a/busy/0/ms") == 5000


async def test_the_next_attempt_reserves_anew(ledger: SqlLedger) -> None:
    """A second attempt holds its own reservation, not the sum of both."""
    reserve = [Reserve("run/run/micros", 60, 100)]
    await ledger.begin(intent(reserve=reserve))
    await ledger.finish(outcome(state=State.REFUSED))
    await ledger.begin(intent(reserve=reserve))

    assert await ledger.counter("run/run/micros") == 60
    assert (await ledger.look(key())).totals.reserved_micros == 0
    assert (await ledger.look(key("other"))).totals.reserved_micros == 60


async def test_an_undo_gives_back_only_what_its_contract_says(ledger: SqlLedger) -> None:
    """With a refund the money of the `do` is free again; without, it stays spent."""
    for step, refund in (("a", True), ("b", False)):
        done = key(step)
        await ledger.begin(intent(done, reserve=[Reserve("run/run/micros", 40, 100)]))
        await ledger.finish(outcome(done, spent=30))
        await ledger.begin(intent(done.undo))
        await ledger.finish(outcome(done.undo, refund=refund))

    assert await ledger.counter("run/run/micros") == 30
    totals = await ledger.totals(ROOT)
    assert totals == Totals(calls=4, effects=2, undone=2, spent_micros=30)


async def test_a_person_settles_a_doubt(ledger: SqlLedger) -> None:
    """`happened` brings output and undo from the evidence; `not` frees money and key."""
    reserve = [Reserve("run/run/micros", 40, 100)]
    for step in ("yes", "no"):
        await ledger.begin(intent(key(step), reserve=reserve[:1] if step == "yes" else ()))
        await ledger.finish(outcome(key(step), State.IN_DOUBT))
    arguments = content({"order": 7})
    undo = FrozenUndo("erp.cancel_order@1", CONTRACT, arguments.digest)

    yes = await ledger.resolve(
        key("yes"), True, {"by": "ann", "output": {"id": 7}}, undo, [arguments]
    )
    no = await ledger.resolve(key("no"), False, {"by": "ann"})

    assert (yes.state, yes.undo, yes.spent_micros) == (State.HAPPENED, undo, 40)
    assert await ledger.get(yes.output or "") == b'{"id":7}'
    assert await ledger.get(arguments.digest) == arguments.body
    assert (no.state, no.output) == (State.FAILED, None)
    assert await refusal(ledger.resolve(key("yes"), False, {})) == "NOT-IN-DOUBT"
    assert await refusal(ledger.resolve(key("unknown"), True, {})) == "NOT-IN-DOUBT"
    assert await ledger.begin(intent(key("no"))) == 2


async def test_a_person_repairs_an_undo(ledger: SqlLedger) -> None:
    """An undo that failed is tried again, declared done or handed over; what happened is not."""
    for step in ("retry", "mark_done", "hand_over"):
        await ledger.begin(intent(key(step)))
        await ledger.finish(outcome(key(step)))
    await ledger.begin(intent(key("retry").undo))
    await ledger.finish(outcome(key("retry").undo, State.FAILED))

    settled = {
        step: await ledger.repair(key(step).undo, step, {"by": "ann"})
        for step in ("retry", "mark_done", "hand_over")
    }

    assert {step: one.state for step, one in settled.items()} == {
        "retry": State.REFUSED,
        "mark_done": State.HAPPENED,
        "hand_over": State.FAILED,
    }
    assert await ledger.begin(intent(key("retry").undo)) == 2
    assert (await ledger.totals(ROOT)).undone == 1
    repeated = ledger.repair(key("mark_done").undo, "retry", {})
    assert await refusal(repeated) == "STEP-HAPPENED"
    assert await refusal(ledger.repair(key("never").undo, "retry", {})) == "STEP-NOT-DONE"


async def test_a_grant_is_consumed_with_the_intent(ledger: SqlLedger, clock: HandClock) -> None:
    """A grant works for its own key while it lasts, and for no other."""
    standing = await ledger.open_gate(gate(), [])
    assert await refusal(ledger.begin(intent(grants=["order#1"]))) == "GRANT-USED"
    await ledger.vote(ROOT, [vote("e1")])

    assert await refusal(ledger.begin(intent(key("b"), grants=["order#1"]))) == "GRANT-USED"
    other = intent(grants=["order#1"], proposed=digest("edited"))
    assert await refusal(ledger.begin(other)) == "GRANT-USED"
    assert await refusal(ledger.begin(intent(grants=["order#9"]))) == "GRANT-USED"
    await ledger.begin(intent(grants=["order#1"]))
    await ledger.finish(outcome(state=State.REFUSED))
    assert await ledger.begin(intent(grants=["order#1"])) == 2
    await ledger.finish(outcome(state=State.REFUSED, attempt=2))
    clock.now_ms = standing.expires_ms
    assert await refusal(ledger.begin(intent(grants=["order#1"]))) == "GRANT-USED"

    (seen,) = (await ledger.look(key())).gates
    assert (seen.state, seen.consumed_by) == ("granted", str(key()))


async def test_a_refused_intent_consumes_nothing(ledger: SqlLedger) -> None:
    """A grant survives an intent that is refused for another reason."""
    await ledger.open_gate(gate(), [])
    await ledger.vote(ROOT, [vote("e1")])
    full = intent(grants=["order#1"], reserve=[Reserve("run/run/micros", 2, 1)])

    assert await refusal(ledger.begin(full)) == "RESERVE-CONFLICT"

    (seen,) = await ledger.gates(ROOT)
    assert seen.consumed_by == ""


async def test_skips_are_remembered(ledger: SqlLedger) -> None:
    """A skipped call is listed, never begun, and a begun one never skipped."""
    await ledger.skip(key("a", 1), [])
    await ledger.skip(key("a", 1), [])
    await ledger.begin(intent(key("a", 2)))

    assert await ledger.skipped(ROOT, "", "a") == [key("a", 1)]
    seen = await ledger.look(key("a", 1))
    assert (seen.action, seen.skipped) == (None, True)
    assert await refusal(ledger.begin(intent(key("a", 1)))) == "STEP-SKIPPED"
    assert await refusal(ledger.skip(key("a", 2), [])) == "STEP-BEGUN"
    assert await refusal(ledger.record_part(key("a", 1), COMPILED, None)) == "STEP-SKIPPED"
    assert [one.key for one in await ledger.begun(ROOT, "")] == [key("a", 2)]
    assert kinds(await chain_of(ledger)).count("skip") == 1


async def test_outputs_are_those_of_the_newest_generation(ledger: SqlLedger) -> None:
    """Outputs come by item and iteration, each item's newest generation alone."""
    for done in (
        key("a", 10),
        key("a", 2, iteration=1),
        key("a", 2),
        key("a", 3),
        key("a", 3, generation=1),
    ):
        await ledger.begin(intent(done))
        await ledger.finish(outcome(done))
    await ledger.begin(intent(key("a", 4)))

    found = await ledger.outputs(ROOT, "", "a")

    assert [one.key for one in found] == [
        key("a", 2),
        key("a", 2, iteration=1),
        key("a", 3, generation=1),
        key("a", 10),
    ]


async def test_begun_reaches_below_a_path_and_nowhere_else(ledger: SqlLedger) -> None:
    """`begun` lists a path, or one step of it, with everything nested, in order of effect."""
    places = [("", "a"), ("a", "x"), ("a[3]~1@2", "y"), ("a/x", "z"), ("ab", "x"), ("b", "a")]
    for parent, step in places:
        done = key(step, parent=parent)
        await ledger.begin(intent(done))
        await ledger.finish(outcome(done))

    async def paths(parent: str, step: str = "") -> list[str]:
        return [one.key.path for one in await ledger.begun(ROOT, parent, step)]

    assert await paths("") == ["a", "a/x", "a[3]~1@2/y", "a/x/z", "ab/x", "b/a"]
    assert await paths("", "a") == ["a", "a/x", "a[3]~1@2/y", "a/x/z"]
    assert await paths("a") == ["a/x", "a/x/z"]
    assert await paths("a", "x") == ["a/x", "a/x/z"]
    assert await paths("b") == ["b/a"]
    assert await paths("c") == []


async def test_a_part_stands_as_a_finished_step(ledger: SqlLedger) -> None:
    """A finished sub-plan gives its output like any step, and is recorded once."""
    output = content({"account": 1})
    await ledger.record_part(key("onboard", 3), COMPILED, output)
    await ledger.record_part(key("onboard", 3), COMPILED, None)

    (part,) = await ledger.outputs(ROOT, "", "onboard")

    assert (part.operation, part.output, part.state) == ("plan", output.digest, State.HAPPENED)
    assert await ledger.get(output.digest) == output.body
    assert (await ledger.totals(ROOT)).effects == 0
    assert kinds(await chain_of(ledger)).count("part") == 1
    assert [one.key for one in await ledger.begun(ROOT, "")] == [key("onboard", 3)]


async def test_look_shows_run_admission_and_gates(ledger: SqlLedger) -> None:
    """One look brings the run, the admission of the enclosing path and this key's gates."""
    await ledger.open_gate(gate(), [])
    await ledger.open_gate(gate(key("other")), [])

    seen = await ledger.look(key())
    below = await ledger.look(key(parent="part"))
    strange = await ledger.look(key(root="stranger"))

    assert seen.run == run_row()
    assert seen.admission is not None
    assert [one.id for one in seen.gates] == ["order#1"]
    assert (below.admission, strange.run) == (None, None)
