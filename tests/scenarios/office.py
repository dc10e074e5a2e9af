"""The back office as a project with its stack, and what a scenario asks of it afterwards.

A run is judged by what the company's own books say (the journal, its state), by what Temporal says
(the outcome, the search attributes) and by what the ledger says (the votes, the chain): three
witnesses that do not know each other.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import yaml
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSON, JSONObject
from remit.cli.stack import stack
from remit.ledger.records import verify_chain
from remit.stores.ledger import open_ledger
from tests.running import ROOT, Running, start, waits

MAIL = "mail.message"
"""What was sent stays sent; every other effect can be undone."""


class Office(Running):
    """A running stack of the example, with its back office."""

    @classmethod
    def of(cls, source: Path, folder: Path) -> "Office":
        """Copy the project, its service too, to `folder` and bring its stack up."""
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".remit", "__pycache__"))
        office = cls(folder)
        office.up()
        return office

    @property
    def url(self) -> str:
        """Return the back office's base address."""
        for component in stack.status(self.project).components:
            if component.name == "backoffice":
                return f"http://{component.address}"
        raise LookupError("no back office")

    def call(self, method: str, path: str, body: JSONObject | None = None) -> JSONObject:
        """Ask the back office itself, past Remit."""
        answer = httpx2.request(method, self.url + path, json=body, timeout=20)
        assert answer.is_success, answer.text
        told: JSONObject = answer.json()
        return told

    def reset(self) -> None:
        """Forget everything: journal, keys, faults; start from the seed."""
        self.call("POST", "/reset")

    def fault(self, operation: str, mode: str, **more: JSON) -> None:
        """Let `operation` fail from now on, or `times` times."""
        self.call("PUT", f"/faults/{operation}", {"mode": mode, **more})

    def state(self) -> JSONObject:
        """Return what stands in the company, without the mail that was sent."""
        state = self.call("GET", "/state")["state"]
        assert isinstance(state, dict)
        return {name: value for name, value in state.items() if not name.startswith("mail.")}

    def entries(self) -> list[JSONObject]:
        """Return the journal since the last reset."""
        entries = self.call("GET", "/journal")["entries"]
        assert isinstance(entries, list)
        return [entry for entry in entries if isinstance(entry, dict)]

    def effects(self, prefix: str = "") -> list[str]:
        """Return `direction kind` of each effect on identities that contain `prefix`, in order."""
        return [
            f"{entry['direction']} {entry['kind']}"
            for entry in self.entries()
            if prefix in str(entry["identity"])
        ]

    def requests(self) -> list[str]:
        """Return the operations that were asked for, in order."""
        entries = self.call("GET", "/journal/requests")["entries"]
        assert isinstance(entries, list)
        return [str(entry["operation"]) for entry in entries if isinstance(entry, dict)]

    def doubled(self) -> list[str]:
        """Return the things that stood twice at some moment."""
        counted = self.call("GET", "/journal/summary")["effects"]
        assert isinstance(counted, list)
        return [str(one) for one in counted if isinstance(one, dict) and int(str(one["peak"])) > 1]

    def net(self) -> Counter[str]:
        """Return what is left of the effects, mail apart; empty when all was undone."""
        left: Counter[str] = Counter()
        for entry in self.entries():
            if entry["kind"] != MAIL:
                sign = 1 if entry["direction"] == "do" else -1
                left[f"{entry['kind']} {entry['identity']}"] += sign
        return Counter({name: count for name, count in left.items() if count})

    @contextmanager
    def policy(self, changes: Mapping[str, JSON]) -> Iterator[None]:
        """Edit the project's policy data, wait until it decides, and put it back afterwards.

        Args:
            changes: values by place below `remit.registry`, as in `agents/buyer/status`.
        """
        file = self.project / "policies" / "data.yaml"
        before = file.read_text()
        document = yaml.safe_load(before)
        for place, value in changes.items():
            *path, last = place.split("/")
            here = document["remit"]["registry"]
            for name in path:
                here = here[name]
            here[last] = value
        self._decide_by(file, yaml.safe_dump(document))
        try:
            yield
        finally:
            self._decide_by(file, before)

    def _decide_by(self, file: Path, content: str) -> None:
        before = stack.status(self.project).policy.active_revision
        file.write_text(content)
        until = time.monotonic() + 30
        while stack.status(self.project).policy.active_revision == before:
            assert time.monotonic() < until, stack.status(self.project).policy.published.error
            time.sleep(0.1)

    def shell(self, command: str, *, check: bool = True) -> str:
        """Run a command line as somebody types it after `eval "$(remit env)"`."""
        environment = stack.environment(self.project)
        path = os.pathsep.join([str(environment.temporal_binary.parent), os.environ["PATH"]])
        variables = {"PATH": path, "TEMPORAL_ADDRESS": environment.temporal_address}
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=ROOT,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout if done.returncode == 0 else done.stderr

    async def evidence(self, root: str) -> list[JSONObject]:
        """Return the run's records; they form an unbroken chain."""
        ledger = await open_ledger(stack.environment(self.project).ledger_url)
        try:
            records = list(await ledger.records(root))
        finally:
            await ledger.close()
        assert records
        assert verify_chain(records) is None
        return records

    async def approvals(self, root: str) -> list[tuple[str, str]]:
        """Return gate code and person of each vote that counted, in order."""
        ledger = await open_ledger(stack.environment(self.project).ledger_url)
        try:
            return [
                (gate.code, vote.by)
                for gate in await ledger.gates(root)
                for vote in await ledger.votes(gate.id, root)
                if vote.counted and vote.verdict == "approve"
            ]
        finally:
            await ledger.close()


def plan_file(name: str) -> JSONObject:
    """Return a plan as it lies in `examples/plans`."""
    document: JSONObject = json.loads((ROOT / "examples" / "plans" / f"{name}.json").read_text())
    return document


async def begin(client: Client, ref: str, inputs: Mapping[str, JSON]) -> WorkflowHandle:
    """Start a plan of the catalogue."""
    return await start(client, {"plan": ref, "inputs": dict(inputs)})


async def answer(handle: WorkflowHandle, name: str, by: str, **more: JSON) -> JSONObject:
    """Wait for the run's gate, and approve or reject it; return the wait that was answered."""
    wait = (await waits(handle))[0]
    vote: JSONObject = {"step": wait["step"], "digest": wait["digest"], "by": by, **more}
    await handle.execute_update(name, vote)
    return wait


async def told(handle: WorkflowHandle) -> dict[str, object]:
    """Return the run's own search attributes, as anybody reads them with no worker alive."""
    found = (await handle.describe()).search_attributes
    return {
        name: values[0] if len(values) == 1 else list(values)
        for name, values in found.items()
        if name.startswith("Remit") and values
    }


def command_of(wait: JSONObject, by: str) -> str:
    """Return the command that the run printed, with a name in place of YOU."""
    command = str(wait["command"])
    assert '"by":"YOU"' in command
    assert shlex.split(command)[:3] == ["temporal", "workflow", "signal"]
    return command.replace("YOU", by)


def demo(project: Path, keep: str) -> "subprocess.Popen[str]":
    """Start the demo on a project, as the Makefile does."""
    return subprocess.Popen(
        [sys.executable, "-m", "examples.demo", str(project)],
        cwd=ROOT,
        env={**os.environ, "KEEP": keep},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
