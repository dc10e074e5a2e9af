"""Answers in quarantine on a real ledger: discarded with their body, or not at all."""

import io
from dataclasses import replace

import pytest

from remit.canonical import JSON
from remit.evidence.verifier import verify
from remit.ledger.errors import LedgerError
from remit.ledger.quarantine import Quarantined, reference_of
from remit.stores.exporting import Exporter
from remit.stores.ledger import SqlLedger
from tests.stores.forgetting_values import TOOLS, begin_run, step
from tests.stores.ledger_values import content, intent, outcome
from tests.stores.log_process import KEY

WHY = Quarantined(
    "DATA-STALE", "team:data", [{"code": "DATA-STALE", "at": "/at", "message": "old"}]
)
TOLD = ("ann", "nobody wants it")


async def _missed(ledger: SqlLedger, root: str, name: str, output: JSON) -> str:
    """Make a call whose answer goes into quarantine; return its reference."""
    tool = "mail.send@1"
    key = step(root, name)
    await ledger.begin(replace(intent(key), tool=tool, contract=TOOLS[tool].digest))
    ended = replace(outcome(key), output=content(output), undo=None, code=WHY.code, faulty=True)
    await ledger.finish(replace(ended, quarantined=WHY))
    return reference_of(root, name)


async def test_a_discarded_answer_is_gone(ledger: SqlLedger) -> None:
    """Its body goes; the row and the chain still tell why, and who wanted it so."""
    await begin_run(ledger, "run-1")
    reference = await _missed(ledger, "run-1", "a", {"told": "yesterday"})
    await ledger.close_run("run-1", "failed", [])
    done = await ledger.forgetting.discard("run-1", reference, *TOLD)
    again = await ledger.forgetting.discard("run-1", reference, *TOLD)
    row = await ledger.quarantined(reference)

    assert row is not None
    assert (done.contents, done.gone, again.contents) == (1, [row.output], 0)
    assert (row.state, row.by, row.misses) == ("discarded", "ann", WHY.misses)
    with pytest.raises(LedgerError, match="was forgotten"):
        await ledger.get(row.output)
    kinds = [one["kind"] for one in await ledger.records("run-1")]
    assert kinds[-2:] == ["forgotten", "quarantine_end"]
    assert [one.reference for one in await ledger.quarantine("discarded", 9)] == [reference]


async def test_the_answer_of_a_run_at_work_stays(ledger: SqlLedger) -> None:
    """What a run names is not forgotten under it; nothing is half discarded."""
    await begin_run(ledger, "run-1")
    reference = await _missed(ledger, "run-1", "a", {"told": "yesterday"})
    with pytest.raises(LedgerError, match="is not over"):
        await ledger.forgetting.discard("run-1", reference, *TOLD)
    row = await ledger.quarantined(reference)

    assert row is not None
    assert row.state == "held"


async def test_what_stands_elsewhere_too_keeps_its_body(ledger: SqlLedger) -> None:
    """The same answer of another call of the run is not taken away from it."""
    await begin_run(ledger, "run-1")
    reference = await _missed(ledger, "run-1", "a", {"told": "yesterday"})
    await _missed(ledger, "run-1", "b", {"told": "yesterday"})
    await ledger.close_run("run-1", "failed", [])
    done = await ledger.forgetting.discard("run-1", reference, *TOLD)
    row = await ledger.quarantined(reference)

    assert row is not None
    assert (row.state, done.contents) == ("discarded", 0)
    assert await ledger.get(row.output)


async def test_what_was_found_is_known_to_the_run(ledger: SqlLedger) -> None:
    """By step ids: items and generations are one place; another run has nothing of it."""
    await begin_run(ledger, "run-1")
    await begin_run(ledger, "run-2")
    for item in (0, 1):
        key = replace(step("run-1", "a"), segment=replace(step("run-1", "a").segment, item=item))
        await ledger.begin(intent(key))
        await ledger.finish(replace(outcome(key), detected=["email", "iban"]))

    assert (await ledger.look(step("run-1", "b"))).detected == [("a", "email"), ("a", "iban")]
    assert (await ledger.look(step("run-2", "b"))).detected == []


async def test_evidence_of_a_discarded_answer_holds(ledger: SqlLedger) -> None:
    """The verifier misses no content, and tells which record says that one was forgotten."""
    await begin_run(ledger, "run-1")
    reference = await _missed(ledger, "run-1", "a", {"told": "yesterday"})
    await ledger.close_run("run-1", "failed", [])
    await ledger.forgetting.discard("run-1", reference, *TOLD)
    await ledger.log.sequence(KEY)
    run = await ledger.log.run_of("run-1")
    assert run is not None
    file = io.BytesIO()
    await Exporter(ledger.log).export(run, file)
    found = verify(file, [KEY.public])
    row = await ledger.quarantined(reference)

    assert row is not None
    # Whatever else is absent here are digests of nothing.
    assert not [one for one in found.findings if row.output in one.place]
    assert [one.digest for one in found.forgotten] == [row.output]
