"""An amended plan takes the place of the admitted one, and nothing slips through in between."""

from dataclasses import replace

import pytest

from remit.canonical import digest
from remit.ledger.amendments import Amending, earlier
from remit.ledger.entries import Record
from remit.ledger.errors import LedgerError
from remit.ledger.records import verify_chain
from remit.plan.path import Segment, StepKey
from remit.stores.ledger import SqlLedger
from tests.stores.ledger_values import COMPILED, ROOT, admission, chain_of, intent, kinds, run_row

AMENDED = digest("amended")


def step_key(step: str, generation: int = 0, parent: str = "") -> StepKey:
    """Return the key of a step."""
    return StepKey(ROOT, parent, Segment(step, generation=generation))


def amending(base: str = COMPILED, compiled: str = AMENDED, **generations: int) -> Amending:
    """Return an amendment."""
    return Amending(admission(compiled=compiled), base, generations)


async def code_of(ledger: SqlLedger, given: Amending) -> str:
    """Return the code with which an amendment is refused."""
    try:
        await ledger.amend(given, [], [])
    except LedgerError as error:
        return error.code
    return ""


async def begin_code(ledger: SqlLedger, key: StepKey) -> str:
    """Return the code with which an intent is refused."""
    try:
        await ledger.begin(intent(key))
    except LedgerError as error:
        return error.code
    return ""


async def test_the_new_plan_is_in_force_and_the_old_one_is_kept(ledger: SqlLedger) -> None:
    """Both admissions stand, the amendment is in the chain, and the chain holds."""
    await ledger.amend(amending(notify=1), [], [Record("decision", {"by": "boss"})])

    in_force = await ledger.admission(ROOT, "")
    kept = await ledger.admission(ROOT, earlier("", COMPILED))
    records = await chain_of(ledger)

    assert in_force is not None
    assert in_force.compiled == AMENDED
    assert kept is not None
    assert kept.compiled == COMPILED
    assert kinds(records)[-2:] == ["amendment", "decision"]
    assert verify_chain(records) is None


async def test_a_call_of_the_old_generation_comes_too_late(ledger: SqlLedger) -> None:
    """Whatever of a replaced step was on its way is refused; its new generation begins."""
    await ledger.amend(amending(notify=1), [], [])

    assert await begin_code(ledger, step_key("notify")) == "STEP-SUPERSEDED"
    assert await begin_code(ledger, StepKey(ROOT, "", Segment("notify", 3))) == "STEP-SUPERSEDED"
    assert await begin_code(ledger, step_key("inner", parent="notify")) == "STEP-SUPERSEDED"
    assert await begin_code(ledger, step_key("notify", 1)) == ""
    assert await begin_code(ledger, step_key("other")) == ""


async def test_a_late_skip_of_the_old_generation_is_refused(ledger: SqlLedger) -> None:
    """A worker that finds `when` false behind the amendment records nothing."""
    await ledger.amend(amending(notify=1), [], [])

    with pytest.raises(LedgerError) as refused:
        await ledger.skip(step_key("notify"), [])

    assert refused.value.code == "STEP-SUPERSEDED"
    assert await ledger.skipped(ROOT, "", "notify") == []


async def test_what_has_begun_is_not_replaced(ledger: SqlLedger) -> None:
    """An intent, a skip, or a call inside a sub-plan that stands first refuses the amendment."""
    await ledger.begin(intent(step_key("a")))
    await ledger.skip(step_key("b"), [])
    await ledger.begin(intent(step_key("inner", parent="c")))

    for step in ("a", "b", "c"):
        given = Amending(admission(compiled=AMENDED), COMPILED, {step: 1})
        assert await code_of(ledger, given) == "AMEND-BEGUN"

    in_force = await ledger.admission(ROOT, "")
    assert in_force is not None
    assert in_force.compiled == COMPILED
    assert await begin_code(ledger, step_key("d")) == ""


async def test_recording_it_again_changes_nothing(ledger: SqlLedger) -> None:
    """An answer that was lost is given again, also when the new step has begun since."""
    await ledger.amend(amending(notify=1), [], [])
    await ledger.begin(intent(step_key("notify", 1)))
    before = await chain_of(ledger)

    again = await ledger.amend(amending(notify=1), [], [])

    assert again.compiled == AMENDED
    assert await chain_of(ledger) == before


async def test_an_amendment_of_a_plan_not_in_force_is_stale(ledger: SqlLedger) -> None:
    """Of two proposals for the same plan the second is refused."""
    await ledger.amend(amending(), [], [])

    assert await code_of(ledger, amending(compiled=digest("third"))) == "AMEND-STALE"
    assert await code_of(ledger, amending(AMENDED, digest("third"))) == ""


async def test_a_closed_run_is_not_amended(ledger: SqlLedger) -> None:
    """What has ended stays as it ended."""
    await ledger.close_run(ROOT, "completed", [])

    assert await code_of(ledger, amending()) == "RUN-CLOSED"


async def test_admitting_the_first_plan_again_gives_the_one_in_force(ledger: SqlLedger) -> None:
    """A run that was reset to its start goes on with the amended plan."""
    await ledger.amend(amending(), [], [])

    stands = await ledger.admit(run_row(), replace(admission(), compiled=COMPILED), [], [])

    assert stands.compiled == AMENDED


async def test_a_run_that_is_being_undone_is_not_amended(ledger: SqlLedger) -> None:
    """Nothing passes the fence of an unwinding, an amendment neither."""
    await ledger.fence(ROOT, "")

    assert await code_of(ledger, amending(notify=1)) == "RUN-NOT-AT-WORK"
    standing = await ledger.admission(ROOT, "")
    assert standing is not None
    assert standing.compiled == COMPILED


async def test_the_fence_of_one_step_stops_no_amendment(ledger: SqlLedger) -> None:
    """A step that failed and is undone for its fallback says nothing about the others."""
    await ledger.fence(ROOT, "", "other")

    assert await code_of(ledger, amending(notify=1)) == ""
