"""Reads the evidence: the shop's journal, the ledger's file, Temporal's histories.

Always from outside: SQL on files and Temporal's own interface, never through a worker.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import Replayer

from chaos.evidence import (
    Attempt,
    Chain,
    Deed,
    Effect,
    End,
    Evidence,
    GateEnd,
    Key,
    Left,
    Request,
    Run,
    Told,
)
from remit.canonical import JSON, JSONObject
from remit.client.outcome import outcome
from remit.client.submission import Handle
from remit.plan.wire import StepCall
from workers.builder import WORKFLOWS, OneArgumentPerMessage, workflow_runner

REPAIR = "remit-repair/"
_QUESTION = timedelta(seconds=30)
_RUNS = ("ExecutePlan", "RepairRun")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the evidence lies."""

    journal: Path
    ledger: Path
    searched: tuple[Path, ...]
    """Files and folders in which no secret may stand."""
    secret: str


def read_only(file: Path) -> sqlite3.Connection:
    """Open a database that others write."""
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)


async def gather(client: Client, places: Places, evidence: Evidence, replays: int) -> Evidence:
    """Return `evidence` with everything that can be read."""
    with closing(read_only(places.journal)) as journal:
        requests, effects = _journal(journal)
    with closing(read_only(places.ledger)) as ledger:
        evidence = _ledger(ledger, evidence)
    histories = [history async for history in client.list_workflows().map_histories()]
    ends = [await end_of(client, history) for history in histories if _type_of(history) in _RUNS]
    return replace(
        evidence,
        requests=requests,
        effects=effects,
        ends=tuple(ends),
        told=tuple(told for history in histories for told in _told(history)),
        unreplayable=tuple([each async for each in _unreplayable(histories[:replays])]),
        leaks=(*_leaks(places), *_told_leaks(histories, places.secret)),
    )


def _journal(db: sqlite3.Connection) -> tuple[tuple[Request, ...], tuple[Effect, ...]]:
    asked = db.execute("SELECT id, at_ms, tool, name, step_key, body FROM requests ORDER BY id")
    requests = [Request(i, at, tool, name, Key.parse(k), b) for i, at, tool, name, k, b in asked]
    came = db.execute(
        "SELECT at_ms, request, tool, name, step_key, change FROM effects ORDER BY id"
    )
    effects = [Effect(at, r, tool, name, Key.parse(k), c) for at, r, tool, name, k, c in came]
    return tuple(requests), tuple(effects)


def _ledger(db: sqlite3.Connection, evidence: Evidence) -> Evidence:
    db.row_factory = sqlite3.Row
    chains = {}
    for root, head in list(db.execute("SELECT root, head FROM chains")):
        rows = db.execute("SELECT * FROM records WHERE root = ? ORDER BY seq", (root,))
        records = tuple({**dict(row), "body": json.loads(row["body"])} for row in rows)
        chains[root] = Chain(records, head)
    return replace(
        evidence,
        chains=chains,
        deeds=tuple(_deeds(db)),
        attempts=tuple(
            Attempt(_key(row), row["attempt"], row["begun_ms"], row["ended_ms"], row["outcome"])
            for row in db.execute("SELECT * FROM attempts")
        ),
        runs=tuple(
            Run(row["root"], row["workflow_id"], row["owner"], row["closed"])
            for row in db.execute("SELECT * FROM runs")
        ),
        gates=tuple(
            GateEnd(
                row["root"],
                row["gate"],
                Key.parse(row["step_key"]),
                row["state"],
                row["proposed_digest"],
                row["expires_ms"],
                row["consumed_by"],
            )
            for row in db.execute("SELECT * FROM gates")
        ),
    )


def _deeds(db: sqlite3.Connection) -> Iterator[Deed]:
    query = (
        "SELECT a.*, c.body AS content FROM actions a"
        " LEFT JOIN contents c ON c.digest = a.arguments WHERE a.state <> 'skipped'"
    )
    for row in db.execute(query):
        arguments: JSONObject = json.loads(row["content"]) if row["content"] else {}
        yield Deed(
            key=_key(row),
            tool=row["tool"],
            operation=row["operation"],
            state=row["state"],
            attempts=row["attempts"],
            arguments=row["arguments"],
            name=str(arguments.get("name", "")),
            behave=str(arguments.get("behave", "")),
            code=row["code"],
            faulty=bool(row["faulty"]),
            output=row["output"] or "",
            decision_id=row["decision_id"],
        )


def _key(row: sqlite3.Row) -> Key:
    return Key(row["root"], row["path"], row["direction"])


async def end_of(client: Client, history: WorkflowHistory) -> End:
    """Return how an execution stands."""
    handle = client.get_workflow_handle(history.workflow_id, run_id=history.run_id)
    described = await handle.describe()
    first = getattr(described.raw_info, "first_run_id", "") or history.run_id
    root = history.workflow_id.removeprefix(REPAIR)
    root = root if history.workflow_id.startswith(REPAIR) else first
    said = described.search_attributes.get("RemitStatus") or [""]
    if described.status in (None, WorkflowExecutionStatus.RUNNING):
        waits = await _waits(client, history.workflow_id)
        return End(history.workflow_id, root, str(said[0]), False, waits=waits)
    if history.workflow_id.startswith(REPAIR):
        told: JSON = await handle.result()
        body = told if isinstance(told, dict) else {}
        return End(history.workflow_id, root, "repaired", True, tuple(_residue(body)))
    ended = await outcome(Handle(handle, is_new=False))
    left = tuple(Left(each.path, each.owner) for each in ended.residue)
    return End(history.workflow_id, root, ended.status, True, left)


def _residue(body: JSONObject) -> Iterator[Left]:
    listed = body.get("residue")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict):
            yield Left(str(each.get("path")), str(each.get("owner", "")))


async def _waits(client: Client, workflow_id: str) -> tuple[Left, ...]:
    try:
        run = client.get_workflow_handle(workflow_id)
        pending: list[JSONObject] = await run.query("pending", rpc_timeout=_QUESTION)
    except RPCError:
        return ()
    return tuple(Left(str(each.get("step")), str(each.get("role"))) for each in pending)


def _type_of(history: WorkflowHistory) -> str:
    return history.events[0].workflow_execution_started_event_attributes.workflow_type.name


def _told(history: WorkflowHistory) -> Iterator[Told]:
    """Yield every tool call of which a history holds that it happened."""
    calls: dict[int, Key] = {}
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            asked = event.activity_task_scheduled_event_attributes
            if asked.activity_type.name.startswith("shop."):
                call = StepCall.model_validate_json(asked.input.payloads[0].data)
                calls[event.event_id] = Key.parse(str(call.key))
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            ended = event.activity_task_completed_event_attributes
            key = calls.get(ended.scheduled_event_id)
            said = json.loads(ended.result.payloads[0].data) if key else {}
            if key and said.get("status") == "happened":
                yield Told(key, said.get("decision_id", ""), said.get("output_digest", ""))


async def _unreplayable(histories: list[WorkflowHistory]) -> AsyncIterator[str]:
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(),
        data_converter=pydantic_data_converter,
        interceptors=[OneArgumentPerMessage()],
    )
    for history in histories:
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if result.replay_failure is not None:
            yield f"{history.workflow_id}: {result.replay_failure}"


def _told_leaks(histories: list[WorkflowHistory], secret: str) -> Iterator[str]:
    """Yield the histories with the secret: a database may store them compressed."""
    for history in histories:
        if any(secret.encode() in event.SerializeToString() for event in history.events):
            yield f"history of {history.workflow_id}"


def _leaks(places: Places) -> Iterator[str]:
    secret = places.secret.encode()
    for place in places.searched:
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.is_file() and secret in file.read_bytes():
                yield file.name
