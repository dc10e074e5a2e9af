"""`remit cases`: what people answered at gates, as labelled cases, one JSON document a line."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from remit.canonical import JSON, JSONObject
from remit.cli.errors import ExitCode, stack
from remit.cli.evidence.ledger import opened
from remit.cli.output import line, raw
from remit.cli.place import find_project
from remit.cli.stack.layout import Layout
from remit.evidence.asked import Asked, decisions
from remit.evidence.caseline import LABELS, case_of, values_of
from remit.evidence.fields import inner, objects, text
from remit.ledger.entries import GateRow
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.ledger import SqlLedger

_PAGE = 200


def cases(since_ms: int, project: Path | None, *, contents: bool, as_json: bool) -> int:
    """Print the cases of gates that opened since a moment, run by run."""
    layout = Layout(find_project(project))
    try:
        asyncio.run(_told(layout, since_ms, contents, as_json))
    except BrokenPipeError:
        # Whoever reads has enough. What Python flushes at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (LedgerError, LedgerUnavailableError) as error:
        raise stack(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error
    return ExitCode.OK


async def _told(layout: Layout, since_ms: int, contents: bool, as_json: bool) -> None:
    async with opened(layout) as ledger:
        after = ""
        while roots := await ledger.log.roots_since(since_ms, after, _PAGE):
            for root in roots:
                await _of_run(ledger, root, since_ms, contents, as_json)
            after = roots[-1]


async def _of_run(
    ledger: SqlLedger, root: str, since_ms: int, contents: bool, as_json: bool
) -> None:
    gates = [one for one in await ledger.gates(root) if one.state in LABELS]
    wanted = [one for one in gates if one.opened_ms >= since_ms]
    run = await ledger.run(root) if wanted else None
    if run is None:
        return
    opening = await _openings(ledger, root)
    for gate in wanted:
        votes = await ledger.votes(gate.id, root)
        asked = opening.get(gate.id)
        facts = await _facts(ledger, asked)
        told = case_of(run, gate, votes, asked, facts)
        more = values_of(votes, asked.decision if asked else {}, facts) if contents else {}
        _print({**told, **more}, gate, as_json)


async def _openings(ledger: SqlLedger, root: str) -> dict[str, Asked]:
    """Return the decisions that opened the gates of a run, by gate."""
    found: dict[str, Asked] = {}
    after = 0
    while records := await ledger.records(root, after):
        for record in records:
            after = int(str(record["seq"]))
            if record["kind"] == "gate":
                for asked in decisions([record]):
                    found[text(inner(record, "body"), "gate")] = asked
    return found


async def _facts(ledger: SqlLedger, asked: Asked | None) -> JSONObject | None:
    body = await ledger.log.find_content(asked.facts) if asked and asked.facts else None
    found: JSON = json.loads(body) if body else None
    return found if isinstance(found, dict) else None


def _print(told: JSONObject, gate: GateRow, as_json: bool) -> None:
    if as_json:
        raw(json.dumps(told, ensure_ascii=True, allow_nan=False, separators=(",", ":")))
        return
    label = gate.state.replace("_", " ")
    line(f"{text(told, 'opened')}  {label}  {gate.tool}  {text(told, 'workflow')} {gate.id}")
    for said in objects(told, "said"):
        line(f"        {text(said, 'verb')} by {text(said, 'by')}{_more(said)}")
    if told.get("contents"):
        line(f"        {json.dumps(told['contents'], ensure_ascii=False)}")


def _more(said: JSONObject) -> str:
    edited: Sequence[JSON] = found if isinstance(found := said.get("edited"), list) else []
    places = f" ({', '.join(str(one) for one in edited)})" if edited else ""
    comment = text(said, "comment")
    return f"{places}: {comment}" if comment else places
