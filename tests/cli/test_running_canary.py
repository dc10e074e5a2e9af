"""A candidate that decides for half of the lab's runs, over restarts, and is taken back."""

import asyncio
import os
import shutil
import signal
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSONObject
from remit.cli.stack.bundle_status import read_status
from remit.cli.stack.layout import Layout
from remit.decision.shadow import falls_in
from tests.cli.conftest import Command, Ran
from tests.running import Running, at_gate, ended, plan, put, start, waits
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(300)]

_STRICTER = """package remit.domains.lab.stricter

import rego.v2

import data.remit.lib

denies contains lib.reason("lab.closed", "domains.lab.stricter", "the name is closed") if {
	startswith(input.action.arguments.name, "closed")
}
"""
_BOSS = "boss@lab.example"
_MOST = 40
"""Runs of which, at a half each, some are on either side: one of 10^12 times they are not."""
Canary = Callable[..., Awaitable[Ran]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run at its gate."""

    handle: WorkflowHandle
    root: str
    digest: str

    async def approve(self) -> None:
        """Let it pass."""
        await self.handle.signal("approve", {"step": "b", "digest": self.digest, "by": _BOSS})


@pytest.fixture
def canary(lab: Running, remit: Command) -> Iterator[Canary]:
    """Type `remit policy canary …` about the lab, which is left without one."""
    lab.up()

    async def typed(*words: str | Path) -> Ran:
        command = ("policy", "canary", *words, "--project", lab.project, "--json")
        return await asyncio.to_thread(remit, *command)

    yield typed
    remit("policy", "canary", "stop", "--by", "ann", "--project", lab.project)


@pytest.fixture
def stricter(lab: Running, tmp_path: Path) -> Path:
    """The lab's policies, and a rule that refuses some names."""
    made = Path(shutil.copytree(lab.project / "policies", tmp_path / "candidate"))
    (made / "domains" / "lab" / "stricter.rego").write_text(_STRICTER)
    return made


def revisions(lab: Running, root: str) -> set[str]:
    """Return under which policies a run was decided, call by call."""
    # A vote's decision is the record itself.
    told = [
        one.get("decision", one)
        for kind in ("decision", "intent")
        for one in lab.records(root, kind)
    ]
    return {str(one["revision"]) for one in told if isinstance(one, dict) and "revision" in one}


async def at_gates(lab: Running, client: Client, tag: str, revision: str) -> dict[bool, Waiting]:
    """Return a waiting run on each side; those beside them are let pass."""
    found: dict[bool, Waiting] = {}
    for number in range(_MOST):
        handle = await start(client, at_gate(f"{tag}{number}"))
        root = str(handle.first_execution_run_id)
        (wait,) = await waits(handle)
        is_tried = bool(lab.records(root, "canary"))
        assert is_tried == falls_in(root, 50)
        assert (revision in revisions(lab, root)) == is_tried
        one = Waiting(handle, root, str(wait["digest"]))
        if is_tried in found:
            await one.approve()
        found.setdefault(is_tried, one)
        if len(found) == 2:
            return found
    raise AssertionError("all runs are on one side")


async def test_by_run_over_a_restart_and_back_when_its_opa_hangs(
    lab: Running, lab_client: Client, canary: Canary, stricter: Path, remit: Command
) -> None:
    """Each run is decided by one side, also by another worker process, until the canary is over.

    When the candidate's OPA hangs, its run waits, the canary comes back by itself, and the run ends
    under the policies in force.
    """
    tag = uuid.uuid4().hex[:8]
    active = str(read_status(Layout(lab.project.resolve()).bundle).revision)
    begun = await canary("start", stricter, "--percent", "50", "--by", "ann", "--reason", "try")
    assert begun.code == 0, begun
    revision = str(begun.document["revision"])
    other = await canary("start", stricter, "--percent", "5", "--by", "eve")
    assert other.codes == ["CANARY-RUNNING"]

    async def has_begun() -> bool:
        handle = await start(lab_client, plan("early", [put("a", f"early{uuid.uuid4().hex}")]))
        assert (await ended(handle))["status"] == "completed"
        return bool(lab.records(str(handle.first_execution_run_id), "canary"))

    await eventually(has_begun, 60)
    both = await at_gates(lab, lab_client, tag, revision)
    tried, plain = both[True], both[False]
    os.kill(lab.pid("workers"), signal.SIGKILL)
    await asyncio.to_thread(lab.up)
    await plain.approve()
    assert (await ended(plain.handle))["status"] == "completed"
    assert revisions(lab, plain.root) == {active}
    assert await _denied(lab_client, lab, f"closed{tag}", revision)
    assert revisions(lab, tried.root) == {revision}

    os.kill(lab.pid("canary"), signal.SIGSTOP)
    await tried.approve()
    assert (await ended(tried.handle, 120))["status"] == "completed"
    assert revisions(lab, tried.root) == {revision, active}
    told = (await canary("status")).document
    assert (told["in_force"], told["end"]["why"]) == (False, "errors")
    assert told["candidate"]["errors"] >= 3
    assert len(lab.effects(f"{tag}")) >= 4
    again = ("decision", "replay", tried.handle.id, "--rules", "then", "--project", lab.project)
    replayed = await asyncio.to_thread(remit, *again, "--json")
    assert replayed.code == 0, replayed
    assert (await canary("stop", "--by", "ann")).document["was"] is False


async def _denied(client: Client, lab: Running, name: str, revision: str) -> bool:
    """Run until one is on the candidate's side: that one is refused, all others are done."""
    for number in range(_MOST):
        handle = await start(client, plan("tried", [put("a", f"{name}{number}")]))
        root = str(handle.first_execution_run_id)
        outcome: JSONObject = await ended(handle)
        is_tried = bool(lab.records(root, "canary"))
        assert (outcome["status"], outcome.get("code")) == (
            ("refused", "lab.closed") if is_tried else ("completed", outcome.get("code"))
        )
        assert len(lab.effects(f"{name}{number}")) == (0 if is_tried else 1)
        if is_tried:
            assert revisions(lab, root) == {revision}
            return True
    return False
