"""`remit policy log`: decisions out of the ledger, line by line, for who collects such things."""

import asyncio
import json
import os
import sys
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import JSON, JSONObject
from remit.cli.errors import ExitCode, stack
from remit.cli.evidence.ledger import opened
from remit.cli.output import line, note, raw
from remit.cli.place import find_project
from remit.cli.questions.words import short
from remit.cli.stack.layout import Layout
from remit.evidence.decisionline import asked_of, contents_of, lines_of
from remit.evidence.fields import objects, text, whole
from remit.ledger.entries import RunRow
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.archiving import LogStore

_RUNS = 500
"""Runs that are remembered, so that not each line looks for its own."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be told."""

    since_ms: int
    first: int
    """Place of the log to begin with."""
    contents: bool
    as_lines: bool
    """Whether as JSON, one document a line."""


def log(wanted: Wanted, project: Path | None) -> int:
    """Print the decisions of the ledger in the order of its signed log."""
    layout = Layout(find_project(project))
    try:
        asyncio.run(_told(layout, wanted))
    except BrokenPipeError:
        # Whoever reads has enough. What Python flushes at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (LedgerError, LedgerUnavailableError) as error:
        raise stack(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error
    return ExitCode.OK


async def _told(layout: Layout, wanted: Wanted) -> None:
    async with opened(layout) as ledger:
        first, runs = wanted.first, _Runs(ledger.log)
        while True:
            window = await ledger.log.decided(first, wanted.since_ms)
            for position, record in window.records:
                run = await runs.find(text(record, "root"))
                for told in lines_of(position, record, run):
                    more = await _contents(ledger.log, record) if wanted.contents else {}
                    _print({**told, **more}, wanted)
            first = window.next
            if window.is_last:
                break
        if await ledger.log.is_waiting():
            note(f"the newest records are not in the signed log yet; `--after {first - 1}` goes on")


class _Runs:
    """Runs by their roots, the last ones kept."""

    def __init__(self, log: LogStore) -> None:
        self._log = log
        self._known: OrderedDict[str, RunRow | None] = OrderedDict()

    async def find(self, root: str) -> RunRow | None:
        if root not in self._known:
            self._known[root] = await self._log.run_of(root)
            if len(self._known) > _RUNS:
                self._known.popitem(last=False)
        return self._known[root]


async def _contents(log: LogStore, record: JSONObject) -> JSONObject:
    asked = asked_of(record)
    if asked is None:
        return {}
    body = await log.find_content(asked.facts) if asked.facts else None
    found: JSON = json.loads(body) if body else None
    return contents_of(asked.decision, found if isinstance(found, dict) else None)


def _print(told: JSONObject, wanted: Wanted) -> None:
    if wanted.as_lines:
        raw(json.dumps(told, ensure_ascii=True, allow_nan=False, separators=(",", ":")))
        return
    codes = ", ".join(text(one, "code") for one in objects(told, "reasons"))
    about = f"{text(told, 'about')}  {text(told, 'tool')}".rstrip()
    effect = text(told, "effect").replace("_", " ")
    said = f"{effect} ({codes})" if codes else effect
    revision = short(text(told, "revision"))
    place = f"{text(told, 'run')} #{whole(told, 'record')}"
    line(
        f"{whole(told, 'position'):>6}  {text(told, 'time')}  {said}  {about}  {place}  {revision}"
    )
    contents = told.get("contents")
    if contents:
        line(f"        {json.dumps(contents, ensure_ascii=False)}")
