"""`remit forget`, `remit retain`: what becomes of the contents of a run that is over."""

import asyncio
from pathlib import Path

from remit.canonical import JSONObject
from remit.cli.connecting import connected
from remit.cli.errors import ExitCode, usage
from remit.cli.errors import stack as failed
from remit.cli.evidence.ledger import ledger_of
from remit.cli.keys import speaker
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.client.tending import tend
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.plan.deskwire import Tended


def order(run: str, given: JSONObject, project: Path | None, *, as_json: bool) -> int:
    """Give an order about the contents of `run`, wait, and print what came of it."""
    folder = find_project(project)
    try:
        root, tended = asyncio.run(_order(run, given, folder))
    except (LedgerError, LedgerUnavailableError) as error:
        raise failed(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error
    document = {"ok": True, "run": root, "order": given["order"], **tended.model_dump(mode="json")}
    answer(document, _lines(root, str(given["order"]), tended), as_json=as_json)
    return ExitCode.OK


async def _order(run: str, given: JSONObject, folder: Path) -> tuple[str, Tended]:
    environment = stack.environment(folder)
    async with ledger_of(Layout(folder)) as log:
        found = await log.run_of(run)
    if found is None:
        hint = "name a workflow id, or the first run id of its chain"
        raise usage("RUN-UNKNOWN", f"the ledger knows no run {run!r}", hint)
    client = await connected(environment)
    signer = speaker(str(given["by"]), None).signer(environment.temporal_namespace)
    return found.root, await tend(client, found.root, given, environment.task_queue, signer)


def _lines(root: str, name: str, tended: Tended) -> list[str]:
    if name == "quarantine_release":
        return [f"run {root}: the very same answer passes from now on"]
    if name == "quarantine_discard":
        stays = (
            "" if tended.contents and not tended.held else "; its body stays: others hold it too"
        )
        return [f"run {root}: the answer is discarded{stays}"]
    if name != "forget":
        return [f"run {root}: {'retained' if name == 'retain' else 'released'}"]
    lines = [f"run {root}: {tended.contents} contents forgotten"]
    if tended.held:
        lines.append(f"  of {tended.held} the ledger keeps the body: other runs hold them too")
    return lines
