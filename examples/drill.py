"""`make drill`: lose everything and come back from a backup; what was lost, and how long it took.

On a copy of the back office of its own. Three purchases: one is done before the backup, one waits
at its gate while the backup is taken, one comes after it. Then every process of the stack is
killed and both databases are deleted. The company's own books, which nobody restores, are the
witness: what waited goes on and does nothing twice, and what the backup never saw is named.

    python -m examples.drill     prints, and writes build/drill.json
"""

import asyncio
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from temporalio.client import Client

from examples.demo import DONE, OURS, NotAsItMustError, Office, Stage, act, must, say
from remit.canonical import JSONObject
from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.client.connection import connect
from remit.client.outcome import Outcome
from remit.client.submission import handle_of
from remit.stores.backup import tally

TARGET_S = 120.0
"""Longest that it may take from the loss until a waiting purchase is done."""
REPORT = Path("build") / "drill.json"


def stage_of(project: Path) -> Stage:
    """Return the running stack and its company."""
    parts = {part.name: part.address for part in stack.status(project).components}
    return Stage(stack.environment(project), Office(f"http://{parts['backoffice']}"))


async def buy(stage: Stage, reference: str) -> Outcome:
    """Start a purchase, approve it, and wait for its end."""
    handle = await stage.start(reference)
    now = await stage.until_it_waits(handle)
    await stage.approve(handle, now)
    return await stage.until_it_ends(handle, replace(now, waits=()))


async def finish(stage: Stage, reference: str) -> Outcome:
    """Approve a purchase that waits, and wait for its end."""
    handle = handle_of((await _client(stage)), reference)
    now = await stage.until_it_waits(handle)
    await stage.approve(handle, now)
    return await stage.until_it_ends(handle, replace(now, waits=()))


async def _client(stage: Stage) -> Client:
    return await connect(stage.environment.temporal_address)


def kill_everything(project: Path) -> None:
    """Kill the stack as a burning machine would; the company is elsewhere."""
    for part in stack.status(project).components:
        if part.pid is not None and part.name != "backoffice":
            os.kill(part.pid, signal.SIGKILL)
    layout = Layout(project)
    for database in (layout.temporal_database, layout.ledger_database):
        for file in database.parent.glob(database.name + "*"):
            file.unlink()


async def play(project: Path, saved: Path) -> JSONObject:
    """Play the drill; return its figures."""
    stage, ledger = stage_of(project), Layout(project).ledger_database
    act("1. Before the backup: one purchase is done, one waits for its approval")
    must((await buy(stage, "before")).status == "completed", "the first purchase is done")
    handle = await stage.start("waiting")
    await stage.until_it_waits(handle)

    act("2. The backup, while everything runs")
    began = time.monotonic()
    remit, named = f"{shlex.quote(sys.executable)} -m remit", f"--project {project}"
    await stage.shell(f"{remit} backup {saved} {named}")
    backup_s, kept = time.monotonic() - began, tally(saved / "ledger.db")

    act("3. After it: the waiting purchase is approved, another one comes and is done")
    must((await finish(stage, "waiting")).status == "completed", "the second purchase is done")
    must((await buy(stage, "after")).status == "completed", "the third purchase is done")
    had = tally(ledger)

    act("4. Everything is lost: all processes killed, both databases deleted")
    lost_at = time.monotonic()
    kill_everything(project)
    stack.down(project, say)

    act("5. Back from the backup")
    await stage.shell(f"{remit} restore {saved} {named}")
    stack.up(project, say)
    up_s = time.monotonic() - lost_at
    stage = stage_of(project)
    must((await finish(stage, "waiting")).status == "completed", "what waited then goes on")
    back_s = time.monotonic() - lost_at
    for reference in ("before", "waiting", "after"):
        must(stage.show_journal(reference) == DONE, f"nothing of {reference!r} was done twice")
    await stage.check_ledger(handle_of(await _client(stage), "before"))
    known = {"before", "waiting"}
    runs = [run async for run in (await _client(stage)).list_workflows("RemitStatus IS NOT NULL")]
    must({run.id for run in runs} == known, "the third purchase is known to nobody but the company")
    must(back_s <= TARGET_S, f"it took {back_s:.0f} s, of {TARGET_S:.0f} s that it may take")
    return {
        "backup_s": round(backup_s, 2),
        "up_again_s": round(up_s, 1),
        "back_s": round(back_s, 1),
        "target_s": TARGET_S,
        "records_lost": had.records - kept.records,
        "runs_lost": had.runs - kept.runs,
        "effects_unknown_to_the_ledger": len(DONE),
        "effects_doubled": 0,
    }


def main() -> int:
    """Return 0, or 1 when the drill failed."""
    folder = Path(tempfile.mkdtemp(prefix="remit-drill-"))
    project = folder / "backoffice"
    shutil.copytree(OURS, project, ignore=shutil.ignore_patterns(".remit", "__pycache__"))
    try:
        stack.up(project, say)
        figures = asyncio.run(play(project, folder / "saved"))
    except NotAsItMustError as broken:
        say(f"\n  ✗ not so: {broken}")
        return 1
    finally:
        stack.down(project, lambda line: None)
        shutil.rmtree(folder, ignore_errors=True)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=2) + "\n")
    act("What it cost")
    for name, value in figures.items():
        say(f"  {name.replace('_', ' '):<32} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
