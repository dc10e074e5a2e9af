"""Artifacts stay while an output names them, and go behind it, with a record in its run's chain."""

from pathlib import Path

from remit.canonical import JSONObject
from remit.ledger.forgetting import ForgetOrder
from remit.stores.artifact_folder import ArtifactFolder
from remit.stores.artifacts import Stored
from remit.stores.ledger import open_ledger
from tests.stores.forgetting_values import begin_run, call, finished, step
from tests.stores.ledger_values import HandClock, chain_of, intent
from workers.artifacts import ArtifactKeeper


def _brought(store: ArtifactFolder, body: bytes, *keys: str) -> Stored:
    for key in keys:
        incoming = store.begin("acme", key, 1000)
        incoming.write(body)
        digest, _ = incoming.finish()
    return store.find("acme", digest)


def _names(stored: Stored) -> JSONObject:
    return {"artifact": {"digest": stored.digest, "bytes": stored.size, "media_type": "text/csv"}}


async def test_it_goes_behind_the_output_that_named_it(tmp_path: Path) -> None:
    """Of two runs that brought the same, the last one that forgets takes it along; both tell."""
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'l.db'}", clock=HandClock(), deadline_s=30)
    store = ArtifactFolder(tmp_path / "artifacts")
    keys = [str(step(root, "tell")) for root in ("run-1", "run-2")]
    stored = _brought(store, b"personal", *keys)
    keeper = ArtifactKeeper(store, ledger, settled_s=0)
    for root in ("run-1", "run-2"):
        await finished(ledger, root, [("tell", {"to": root}, _names(stored), "mail.send@1")])
    await ledger.forgetting.look_through()
    removed = [await keeper.round()]
    order = ForgetOrder("data.owner@acme.example", "they asked for it")
    for root in ("run-1", "run-2"):
        await ledger.forgetting.order(root, order)
        removed.append(await keeper.round())
    told = [(await chain_of(ledger, root))[-1] for root in ("run-1", "run-2")]
    removed.append(await keeper.round())
    await ledger.close()

    assert removed == [0, 0, 1, 0]
    assert [one["kind"] for one in told] == ["artifact_forgotten"] * 2
    assert [one["body"] for one in told] == [
        {"artifact": stored.digest, "step_key": key} for key in keys
    ]


async def test_what_is_at_work_keeps_it(tmp_path: Path) -> None:
    """An open call holds what it brought; one whose output names another artifact does not."""
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'l.db'}", clock=HandClock(), deadline_s=30)
    store = ArtifactFolder(tmp_path / "artifacts")
    await begin_run(ledger, "run-1")
    at_work = _brought(store, b"at work", str(step("run-1", "put")))
    lost = _brought(store, b"of a lost attempt", str(step("run-1", "tell")))
    kept = _brought(store, b"of the next one", str(step("run-1", "tell")))
    fresh = await ArtifactKeeper(store, ledger).round()
    await ledger.begin(intent(step("run-1", "put")))
    await call(ledger, "run-1", "tell", {}, _names(kept), "mail.send@1")
    removed = await ArtifactKeeper(store, ledger, settled_s=0).round()
    await ledger.close()

    assert (fresh, removed) == (0, 1)
    assert store.everywhere(lost.digest) == []
    assert [len(store.everywhere(one.digest)) for one in (at_work, kept)] == [1, 1]
