"""What a process with the role `keeper` does: looks after runs, and keeps the log."""

import asyncio
from collections.abc import Callable

import structlog
from temporalio.client import Client

from remit.notify.message import Links
from remit.stores.artifact_folder import ArtifactFolder
from remit.stores.keyring import Keyring
from remit.stores.ledger import SqlLedger
from remit.stores.publishing import CheckpointFolder
from workers.artifacts import ArtifactKeeper
from workers.bundles import BundleShelf
from workers.forgetter import Forgetter
from workers.keeper import Evidence, Keeper
from workers.notifier import Notifier
from workers.sealing import Sealer
from workers.sequencer import Sequencer
from workers.settings import WorkerSettings

_log = structlog.get_logger("workers")


async def keep(
    settings: WorkerSettings,
    client: Client,
    ledger: SqlLedger,
    artifacts: ArtifactFolder,
    stop: asyncio.Event,
    now_ms: Callable[[], int],
) -> None:
    """Look after runs and keep the log until `stop`."""
    shelf = BundleShelf(ledger.log)
    evidence = Evidence(ledger.log, Sealer(client, ledger, shelf))
    forgetter = Forgetter(ledger.forgetting, settings.project)
    links = Links(settings.temporal_ui, settings.temporal_namespace)
    work = [
        Keeper(client, ledger, settings, now_ms, evidence).run(stop),
        forgetter.run(stop, settings.forget_every_s),
        ArtifactKeeper(artifacts, ledger).run(stop, settings.artifacts_every_s),
        Notifier(ledger.notices, settings.project, links, now_ms).run(
            stop, settings.notify_every_s
        ),
    ]
    if settings.evidence_keys and settings.checkpoints:
        store = CheckpointFolder(settings.checkpoints)
        sequencer = Sequencer(ledger.log, Keyring(settings.evidence_keys), store)
        work.append(sequencer.run(stop, settings.sequence_every_s))
    else:
        _log.warning("no key and place for checkpoints: the ledger is not signed")
    await asyncio.gather(*work)
