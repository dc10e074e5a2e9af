"""A candidate beside the lab's policies: told of, and never felt, whatever becomes of its OPA."""

import asyncio
import base64
import json
import os
import shutil
import signal
import tarfile
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from remit.canonical import JSONObject
from remit.cli.stack.bundle_status import read_status
from remit.cli.stack.layout import ARCHIVE, SHADOW, Layout
from remit.cli.stack.signing import scope_of
from tests.cli.conftest import Command, Ran
from tests.running import Running, ended, plan, put, start
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(300)]

_STRICTER = """package remit.domains.lab.stricter

import rego.v2

import data.remit.lib

denies contains lib.reason("lab.closed", "domains.lab.stricter", "the name is closed") if {
	startswith(input.action.arguments.name, "closed")
}
"""
Shadow = Callable[..., Awaitable[Ran]]


@pytest.fixture
def shadow(lab: Running, remit: Command) -> Iterator[Shadow]:
    """Type `remit policy shadow …` about the lab, which is left without a candidate."""
    lab.up()

    async def typed(*words: str | Path) -> Ran:
        command = ("policy", "shadow", *words, "--project", lab.project, "--json")
        return await asyncio.to_thread(remit, *command)

    yield typed
    remit("policy", "shadow", "stop", "--project", lab.project)


@pytest.fixture
def stricter(lab: Running, tmp_path: Path) -> Path:
    """The lab's policies, and a rule that refuses some names."""
    made = Path(shutil.copytree(lab.project / "policies", tmp_path / "candidate"))
    (made / "domains" / "lab" / "stricter.rego").write_text(_STRICTER)
    return made


async def report(shadow: Shadow) -> JSONObject:
    """Return what was found."""
    return (await shadow("report")).document


async def _ran(client: Client, *names: str) -> str:
    """Put things; all of it must be done. Returns the run."""
    steps = [put(f"s{number}", name) for number, name in enumerate(names)]
    handle = await start(client, plan("shadowed", steps))
    assert (await ended(handle))["status"] == "completed"
    return str(handle.first_execution_run_id)


async def test_what_it_would_refuse_is_done_and_told(
    lab: Running, lab_client: Client, shadow: Shadow, stricter: Path
) -> None:
    """Two puts that the candidate would refuse, one that it would not: all done, one run differs.

    Then its OPA stands still, dies, and comes back: each run is done all the same.
    """
    tag = uuid.uuid4().hex[:8]
    started = (await shadow("start", stricter)).document
    await eventually(lambda: _is_followed(lab))
    root = await _ran(lab_client, f"closed{tag}a", f"closed{tag}b", f"open{tag}")

    async def is_told() -> bool:
        return (await report(shadow))["outcomes"].get("breaks") == 2

    await eventually(is_told, 60)
    found = await report(shadow)
    assert _scope(lab) == f"{scope_of()}-shadow"
    assert found["candidate"] == started["revision"]
    assert found["base"] == read_status(Layout(lab.project.resolve()).bundle).revision
    assert (found["first"], found["censored"], found["widens"]) == ({"breaks": 1}, {"breaks": 1}, 0)
    (one,) = found["differences"]
    assert (one["run"], one["tool"]) == (root, "lab.put@1")
    assert (one["was"]["effect"], one["now"]) == (
        "allow",
        {"effect": "deny", "codes": ["lab.closed"]},
    )

    async def is_missed(names: str, before: int = 0) -> int:
        """Run, wait until something of it was given up, and return how much ever was."""
        await _ran(lab_client, *(f"closed{tag}{name}" for name in names))
        missed = 0

        async def is_more() -> bool:
            nonlocal missed
            missed = int((await report(shadow))["missed"])
            return missed > before

        await eventually(is_more, 60)
        return missed

    os.kill(lab.pid("shadow"), signal.SIGSTOP)
    hung = await is_missed("c")
    lab.kill("shadow")
    await is_missed("d", hung)
    assert (await shadow("status")).code == 3
    lab.up()
    assert (await shadow("status")).code == 0
    await _ran(lab_client, f"closed{tag}e")

    async def is_compared_again() -> bool:
        return len((await report(shadow))["differences"]) == 2

    await eventually(is_compared_again, 60)
    assert len(lab.effects(f"closed{tag}")) == 5

    assert (await shadow("stop")).document["was"] is True
    lab.up()
    assert (await shadow("status")).document["candidate"] is None
    await _ran(lab_client, f"closed{tag}f")
    assert len((await report(shadow))["differences"]) == 2


async def test_a_release_can_be_the_candidate(
    lab: Running, lab_client: Client, shadow: Shadow, tmp_path: Path
) -> None:
    """The release in force differs in nothing; a folder that does not build changes nothing."""
    tag = uuid.uuid4().hex[:8]
    newest = read_status(Layout(lab.project.resolve()).bundle)
    started = await shadow("start", "--release", str(newest.serial))
    assert started.code == 0, started
    (tmp_path / "broken.rego").write_text("package remit.domains.lab.broken\n\nallow if {")
    refused = await shadow("start", tmp_path)

    async def is_told() -> bool:
        # Until the worker knows of it, runs are not compared.
        await _ran(lab_client, f"closed{tag}")
        return (await report(shadow))["compared"] > 0

    await eventually(is_told, 60)
    found = await report(shadow)
    assert refused.code != 0
    assert found["candidate"] == newest.revision
    assert set(found["outcomes"]) <= {"same", "unanswered", "dropped"}


async def _is_followed(lab: Running) -> bool:
    """Say whether the worker knows of the candidate."""
    return await asyncio.to_thread(_metric, lab, "remit_shadow_on") == 1


def _metric(lab: Running, name: str) -> float:
    state = json.loads(Layout(lab.project.resolve()).state.read_text())
    address = state["components"]["workers"]["address"]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next((float(one.split()[-1]) for one in lines if one.startswith(name + " ")), 0)


async def test_one_candidate_takes_the_place_of_another(
    lab: Running, lab_client: Client, shadow: Shadow, stricter: Path, tmp_path: Path
) -> None:
    """Without a worker's start; what was found about each stands by itself."""
    tag = uuid.uuid4().hex[:8]
    bare = tmp_path / "bare"
    bare.mkdir()
    first = (await shadow("start", stricter)).document
    await eventually(lambda: _is_followed(lab))
    second = await shadow("start", bare)
    assert second.code == 0, second

    async def is_compared() -> bool:
        await _ran(lab_client, f"free{tag}")
        return bool((await report(shadow))["outcomes"].get("breaks"))

    await eventually(is_compared, 60)
    assert (await report(shadow))["candidate"] == second.document["revision"]
    assert second.document["revision"] != first["revision"]


def _scope(lab: Running) -> str:
    """Return what the candidate's bundle is signed for."""
    with tarfile.open(Layout(lab.project.resolve()).candidate(SHADOW) / ARCHIVE) as archive:
        name = next(one for one in archive.getnames() if one.endswith(".signatures.json"))
        file = archive.extractfile(name)
        assert file is not None
        (token,) = json.loads(file.read())["signatures"]
    claims = token.split(".")[1]
    found: str = json.loads(base64.urlsafe_b64decode(claims + "=="))["scope"]
    return found
