"""An archive is the same whatever database it comes from: the verifier finds nothing."""

import io

from remit.evidence.finding import Code
from remit.evidence.verifier import verify
from remit.ledger.entries import Record
from remit.stores.exporting import Exporter
from remit.stores.ledger import SqlLedger
from tests.stores.ledger_values import ROOT, content, intent, outcome
from tests.stores.log_process import KEY


async def test_an_archive_of_either_database_is_verified(ledger: SqlLedger) -> None:
    """Records, contents, bundle and proofs come out as they went in."""
    await ledger.put([content({}), content("contract")])
    await ledger.begin(intent())
    await ledger.finish(outcome())
    await ledger.append(ROOT, [Record("decision", {"text": 'ä \\ "quoted"', "number": 1.5})])
    await ledger.log.keep_bundle("revision-1", b"\x00bundle")
    await ledger.log.sequence(KEY)
    run = await ledger.log.run_of(f"workflow-{ROOT}")
    assert run is not None
    file = io.BytesIO()
    exported = await Exporter(ledger.log).export(run, file)
    found = verify(file, [KEY.public])

    assert (exported.records, exported.covered, exported.size) == (4, 4, 4)
    assert (found.records, found.covered, found.size) == (4, 4, 4)
    # The run's plan and inputs are digests of nothing here, and it is not over.
    absent = {Code.CONTENT_ABSENT, Code.POLICY_ABSENT, Code.UNSEALED}
    assert {one.code for one in found.findings} == absent
    assert [one.root for one in await ledger.log.naming("revision-1")] == [ROOT]
    assert await ledger.log.naming("revision-2") == []
