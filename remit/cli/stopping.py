"""`remit stop`, `remit go`, `remit stops`: what is called no more until somebody lets it go on."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from remit.canonical import JSONObject
from remit.cli.connecting import connected
from remit.cli.errors import ExitCode, usage
from remit.cli.errors import stack as failed
from remit.cli.evidence.ledger import opened
from remit.cli.keys import speaker
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.client.stopping import order_stop
from remit.ledger.errors import LedgerUnavailableError
from remit.ledger.stops import Stop, is_name


def order(given: JSONObject, project: Path | None, *, as_json: bool) -> int:
    """Give an order about calls, wait, and print what came of it."""
    what = str(given["what"])
    if not is_name(what):
        hint = "name `fleet`, `agent:NAME`, `tool:NAME@MAJOR` or `tenant:NAME`"
        raise usage("STOP-UNKNOWN", f"{what!r} cannot be stopped", hint)
    environment = stack.environment(find_project(project))

    async def give() -> str:
        client = await connected(environment)
        signer = speaker(str(given["by"]), None).signer(environment.temporal_namespace)
        return (await order_stop(client, given, environment.task_queue, signer)).reason

    told = asyncio.run(give())
    document = {"ok": True, "order": given["order"], "what": what, "changed": not told}
    word = "stopped: no call begins" if given["order"] == "stop" else "goes on"
    answer(document, [f"{what} {word}" + (f" ({told})" if told else "")], as_json=as_json)
    return ExitCode.OK


def show(project: Path | None, *, as_json: bool) -> int:
    """Print the stops in force."""
    folder = find_project(project)
    try:
        found = asyncio.run(_find(folder))
    except LedgerUnavailableError as error:
        raise failed("LEDGER-UNAVAILABLE", str(error)) from error
    document = {
        "ok": True,
        "stops": [
            {
                "what": one.name,
                "by": one.by,
                "reason": one.reason,
                "undos": one.undos,
                "since": _moment(one.at_ms),
            }
            for one in found
        ],
    }
    lines = [
        f"{one.name}  since {_moment(one.at_ms)} by {one.by}: {one.reason}"
        + ("; undos too" if one.undos else "")
        for one in found
    ]
    answer(document, lines or ["nothing is stopped"], as_json=as_json)
    return ExitCode.OK


async def _find(folder: Path) -> Sequence[Stop]:
    async with opened(Layout(folder)) as ledger:
        return await ledger.stops()


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
