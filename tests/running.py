"""A real stack for tests: a project copied into a temporary folder, and ways to ask about it."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import time
import uuid
from datetime import timedelta
from pathlib import Path

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from remit.canonical import JSON, JSONObject
from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.cli.stack.state import ComponentRecord, Profile, load
from remit.client.connection import sealing

ROOT = Path(__file__).parent.parent
_QUESTION = timedelta(seconds=5)


class Running:
    """A running stack."""

    def __init__(self, project: Path) -> None:
        self.project = project

    @classmethod
    def of(cls, source: Path, folder: Path, profile: Profile = "light") -> "Running":
        """Copy `source` to `folder` and bring its stack up."""
        ignored = shutil.ignore_patterns(".remit", "__pycache__", "service")
        shutil.copytree(source, folder, ignore=ignored)
        # A keeper that looks often keeps the tests short; it does nothing else differently.
        os.environ.setdefault("REMIT_KEEPER_EVERY_S", "2")
        stack.up(folder, lambda line: None, profile=profile)
        return cls(folder)

    def up(self) -> None:
        """Bring up whatever is not."""
        stack.up(self.project, lambda line: None)

    def down(self) -> None:
        """Stop everything; workers at once, which would first wait for calls that tests left."""
        for name, record in self._components().items():
            if name.startswith("workers"):
                record.process.signal(signal.SIGKILL)
        stack.down(self.project, lambda line: None)

    def restart(self, component: str) -> None:
        """Stop and start one component."""
        stack.restart(self.project, component, lambda line: None)

    def pid(self, component: str) -> int:
        """Return a component's process id."""
        return self._components()[component].pid

    def _components(self) -> dict[str, ComponentRecord]:
        return load(Layout(self.project.resolve()).state).components

    @property
    def address(self) -> str:
        """Return the address of Temporal's front end."""
        return stack.environment(self.project).temporal_address

    async def client(self) -> Client:
        """Return a new client."""
        keys = stack.environment(self.project).payload_keys or ""
        converter = sealing(pydantic_data_converter, keys)
        return await Client.connect(self.address, data_converter=converter)

    def journal(self) -> list[tuple[str, str, str]]:
        """Return the lab's effects in order: name, step key, kind."""
        file = self.project / ".remit" / "journal.db"
        if not file.exists():
            return []
        with sqlite3.connect(file, timeout=20) as connection:
            made = "SELECT 1 FROM sqlite_master WHERE name = 'effects'"
            if connection.execute(made).fetchone() is None:
                return []
            return connection.execute(
                "SELECT name, step_key, kind FROM effects ORDER BY id"
            ).fetchall()

    def records(self, root: str, kind: str) -> list[JSONObject]:
        """Return the bodies of a run's ledger records of one kind, in order."""
        with sqlite3.connect(Layout(self.project).ledger_database, timeout=20) as connection:
            query = "SELECT body FROM records WHERE root = ? AND kind = ? ORDER BY seq"
            return [json.loads(body) for (body,) in connection.execute(query, (root, kind))]

    def kill(self, component: str) -> None:
        """Kill a component as a power cut would."""
        os.kill(self.pid(component), signal.SIGKILL)

    def effects(self, prefix: str) -> list[str]:
        """Return `kind name` of the effects on names that begin with `prefix`, in order."""
        return [f"{kind} {name}" for name, _, kind in self.journal() if name.startswith(prefix)]


def plan(name: str, steps: list[JSON], **more: JSON) -> JSONObject:
    """Return a plan of the lab's agent."""
    return {
        "schema": "remit.plan/v1",
        "name": name,
        "version": "1.0.0",
        "goal": "try it",
        "agent": "tester@1.0.0",
        "on_behalf_of": "asker@lab.example",
        "tenant": "lab",
        "owner": "team:lab",
        "steps": steps,
        **more,
    }


def put(step: str, name: str, *needs: str, **more: JSON) -> JSONObject:
    """Return a step that puts `name` down."""
    args: JSONObject = {"name": name}
    return {"id": step, "tool": "lab.put@1", "args": args, "needs": [*needs], **more}


def burn(step: str, name: str, *needs: str) -> JSONObject:
    """Return a step that cannot be undone, and so waits for a person."""
    return {**put(step, name, *needs), "tool": "lab.burn@1", "irreversible": True}


def at_gate(tag: str) -> JSONObject:
    """Return a plan that puts one thing down and asks a person before the next."""
    gate: JSONObject = {"role": "operator", "expires": "PT1H"}
    return plan("waiting", [put("a", f"{tag}a"), put("b", f"{tag}b", "a", approval=gate)])


async def start(client: Client, document: JSON, **options: object) -> WorkflowHandle:
    """Start a plan as the CLI does; `id` is made up when it is not given."""
    workflow_id = str(options.pop("id", f"lab-{uuid.uuid4().hex[:12]}"))
    handle: WorkflowHandle = await client.start_workflow(
        "ExecutePlan", document, id=workflow_id, task_queue="remit", **options
    )
    return handle


async def ended(handle: WorkflowHandle, within_s: float = 60) -> JSONObject:
    """Return the outcome of a run, whether Temporal calls it completed or failed."""
    try:
        result: JSONObject = await asyncio.wait_for(handle.result(), within_s)
    except TimeoutError:
        raise AssertionError(f"it goes on: {_doing(await handle.describe())}") from None
    except WorkflowFailureError as error:
        cause = error.cause
        details = getattr(cause, "details", ())
        found: JSONObject = details[0] if details else {"status": type(cause).__name__}
        return found
    return result


async def _pending(handle: WorkflowHandle) -> list[JSONObject]:
    """Return what a run says it waits for, or nothing when it says nothing.

    Temporal 1.29.1 loses a question now and then that comes just as the run's next task begins:
    the worker is told that nobody asks, and who asked is told nothing for ten seconds and more.
    """
    try:
        pending: list[JSONObject] = await handle.query("pending", rpc_timeout=_QUESTION)
    except RPCError as error:
        if error.status not in (RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED):
            raise
        return []
    return pending


def _doing(now: WorkflowExecutionDescription) -> str:
    """Return what Temporal knows of a run that does not get on."""
    told = now.raw_description
    parts = (told.pending_workflow_task, *told.pending_activities, *told.pending_children)
    return f"{now.status!r}, {now.history_length} events\n" + "\n".join(map(str, parts))


async def waits(handle: WorkflowHandle, within_s: float = 60) -> list[JSONObject]:
    """Return what a run waits for, as soon as it waits for something; one that ended fails."""
    until = time.monotonic() + within_s
    while True:
        if pending := await _pending(handle):
            return pending
        now = await handle.describe()
        assert now.status == WorkflowExecutionStatus.RUNNING, await ended(handle)
        assert time.monotonic() < until, f"it waits for nobody: {_doing(now)}"
        await asyncio.sleep(0.1)


async def guarded(client: Client, name: str, **more: JSON) -> tuple[WorkflowHandle, JSONObject]:
    """Start a plan of the lab with a guarded step behind a free one; return it and its wait."""
    steps: list[JSON] = [
        {"id": "free", "tool": "lab.put@1", "args": {"name": f"free{name}"}},
        {"id": "step", "tool": "lab.put@1", "needs": ["free"], "args": {"name": name}, **more},
    ]
    handle = await start(client, plan("guarded", steps))
    return handle, (await waits(handle))[0]
