"""Answers that are not good enough: kept apart, and let pass when somebody says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from temporalio.exceptions import ApplicationError

from remit.canonical import JSON, JSONObject
from remit.enforcement.surroundings import Surroundings
from remit.ledger.entries import State
from remit.ledger.errors import LedgerError
from remit.ledger.quarantine import reference_of
from remit.tool.call import Happened
from remit.tool.catalogue import Catalogue
from tests.enforcement.desk import RUN, Desk, a_desk
from tests.plan.compiling import TEXT, record, tool

NOW = "2023-11-14T22:13:00Z"
"""Twenty seconds before the clock in hand."""
OLD = "2023-11-14T21:13:00Z"
REFERENCE = reference_of(RUN, "put")


@asynccontextmanager
async def _desk(folder: Path, on_miss: str = "fail") -> AsyncIterator[Desk]:
    quality: JSONObject = {
        "values": [{"at": "/rows/*", "share": 0.5}],
        "fresh": {"at": "/as_of", "max_age_s": 60},
        "on_miss": on_miss,
        "owner": "team:data",
    }
    rows: JSONObject = {"type": "array"}
    reads = tool("crm.read", "read", record(), record(rows=rows, as_of=TEXT), quality=quality)
    async with a_desk(folder, Catalogue.of([reads]), reads.ref, {}) as made:
        yield made


def _told(as_of: str = NOW, *rows: JSON) -> Happened:
    return Happened({"rows": list(rows) or [1], "as_of": as_of})


async def _kinds(desk: Desk) -> list[str]:
    return [str(one["kind"]) for one in await desk.point.ledger.records(RUN)]


def _counted(outcome: str) -> float:
    labels = {"tool": "crm.read@1", "outcome": outcome}
    return REGISTRY.get_sample_value("remit_data_bounds_total", labels) or 0


async def test_a_good_answer_passes(tmp_path: Path) -> None:
    """It is not in quarantine, and its age is measured."""
    before = _counted("met")
    async with _desk(tmp_path) as desk:
        desk.answers = [_told()]
        assert (await desk.call()).status == "happened"
        assert await desk.point.ledger.quarantine("held", 9) == []

    age = REGISTRY.get_sample_value("remit_data_age_seconds", {"tool": "crm.read@1"})
    assert (_counted("met") - before, age) == (1, 20)


@pytest.mark.parametrize(
    ("answer", "code", "at"),
    [(_told(OLD), "DATA-STALE", "/as_of"), (_told(NOW, 1, None, ""), "DATA-QUALITY", "/rows/*")],
)
async def test_what_misses_a_bound_is_kept_apart(
    tmp_path: Path, answer: Happened, code: str, at: str
) -> None:
    """The step fails; who answers for it and why stand in the ledger, and in the chain."""
    async with _desk(tmp_path) as desk:
        desk.answers = [answer]
        with pytest.raises(ApplicationError, match=f"{code}.*{REFERENCE}"):
            await desk.call()
        row = await desk.point.ledger.quarantined(REFERENCE)
        action = (await desk.situation()).action
        kinds = await _kinds(desk)
        output = await desk.point.ledger.get(row.output if row else "")

    assert row is not None
    assert (row.code, row.owner, row.state, row.tenant) == (code, "team:data", "held", "lab")
    assert [one["at"] for one in row.misses] == [at]
    assert (row.size, b"as_of" in output) == (len(output), True)
    assert action is not None
    assert (action.state, action.faulty) == (State.HAPPENED, True)
    assert kinds.index("outcome") + 1 == kinds.index("quarantine")


async def test_a_run_may_go_on_without(tmp_path: Path) -> None:
    """The step is done, and has no output for anybody; asked again, that is still so."""
    async with _desk(tmp_path, "without") as desk:
        desk.answers = [_told(OLD)]
        results = [await desk.call(1), await desk.call(2)]
        situation = await desk.situation()
        plan = await desk.point.pinned.plan(desk.compiled)
        assert situation.admission is not None
        around = Surroundings(desk.point.ledger, desk.point.pinned, plan, situation.admission)
        output = await around.output(plan.step("put"))
        held = await desk.point.ledger.quarantine("held", 9)

    assert [one.status for one in results] == ["happened", "happened"]
    assert [one.shown for one in results] == [None, None]
    assert (output, len(desk.calls)) == (None, 1)
    assert [one.reference for one in held] == [REFERENCE]
    assert situation.action is not None
    assert situation.action.is_withheld


async def test_a_source_may_be_asked_again(tmp_path: Path) -> None:
    """Within the step's attempts; what it says then counts."""
    async with _desk(tmp_path, "again") as desk:
        desk.answers = [_told(OLD), _told()]
        with pytest.raises(ApplicationError, match="tried again"):
            await desk.call(1)
        assert (await desk.call(2)).status == "happened"
        assert await desk.point.ledger.quarantine("held", 9) == []


async def test_a_source_that_stays_stale_fails_in_the_end(tmp_path: Path) -> None:
    """The last attempt's answer is the one that is kept."""
    async with _desk(tmp_path, "again") as desk:
        plan = await desk.point.pinned.plan(desk.compiled)
        most = plan.step("put").retry.max_attempts
        desk.answers = [_told(OLD, n) for n in range(1, most + 1)]
        for attempt in range(1, most + 1):
            with pytest.raises(ApplicationError, match="DATA-STALE"):
                await desk.call(attempt)
        held = await desk.point.ledger.quarantine("held", 9)

    assert (len(desk.calls), len(held)) == (most, 1)


async def test_what_was_released_passes_in_other_runs(tmp_path: Path) -> None:
    """The very same answer of the same tool, and no other; the outcome says by which release."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    async with _desk(tmp_path / "one") as desk:
        ledger = desk.point.ledger
        desk.answers = [_told(OLD)]
        with pytest.raises(ApplicationError):
            await desk.call()
        row = await ledger.quarantined(REFERENCE)
        assert row is not None
        assert await ledger.released("lab", row.tool, row.output) == ""
        forgetting = ledger.forgetting  # type: ignore[attr-defined]  # it is a SqlLedger
        await forgetting.pass_on(RUN, REFERENCE, "ann", "last month's is what we want")
        await forgetting.pass_on(RUN, REFERENCE, "ann", "last month's is what we want")
        with pytest.raises(LedgerError, match="released by ann"):
            await forgetting.pass_on(RUN, REFERENCE, "bob", "so do I")
        with pytest.raises(LedgerError, match="nothing of this run"):
            await forgetting.pass_on("other", REFERENCE, "ann", "")
        found = [
            await ledger.released(tenant, tool_, output)
            for tenant, tool_, output in (
                ("lab", row.tool, row.output),
                ("acme", row.tool, row.output),
                ("lab", "crm.write@1", row.output),
                ("lab", row.tool, row.contract),
            )
        ]
        kinds = await _kinds(desk)

    assert found == [REFERENCE, "", "", ""]
    assert kinds.count("quarantine_end") == 1


async def test_a_released_answer_is_an_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It misses its bound as before, and the step is done with it."""
    async with _desk(tmp_path) as desk:

        async def released(tenant: str, tool_: str, output: str) -> str:
            return "q-before"

        monkeypatch.setattr(desk.point.ledger, "released", released)
        desk.answers = [_told(OLD)]
        assert (await desk.call()).status == "happened"
        records = await desk.point.ledger.records(RUN)

    (outcome,) = [one["body"] for one in records if one["kind"] == "outcome"]
    assert isinstance(outcome, dict)
    assert (outcome["passed"], outcome["faulty"], outcome["code"]) == ("q-before", False, "")
