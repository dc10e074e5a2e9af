"""The profile `full` with proven names: Temporal's server on PostgreSQL, signed words, and
payloads that its database, its command line and its web UI read only with the codec."""

import asyncio
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright
from temporalio.client import Client, WorkflowUpdateFailedError

from remit.canonical import JSON, JSONObject
from remit.cli.stack import stack
from remit.cli.stack.binaries import cache_folder, find
from remit.cli.stack.errors import StackError
from remit.cli.stack.layout import Layout
from remit.cli.stack.postgres import cluster_folder, find_programs
from remit.cli.stack.profile import PROGRAMS
from remit.stores.inbox import open_readonly
from tests.console.test_running_console import FLAGS
from tests.identity.test_running_identity import ASKER, BOSS, STRANGER, Town, gate_of
from tests.running import ROOT, Running, burn, plan

pytestmark = [
    pytest.mark.stack,
    pytest.mark.full,
    pytest.mark.xdist_group("full"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The lab on the profile `full`, where nobody is believed by name."""
    search = os.environ.get("PATH", "")
    for program in PROGRAMS["full"]:
        if find(program, cache=cache_folder(), search=search) is None:
            pytest.skip(f"no usable `{program.name}`; `make programs PROFILE=full` gets one")
    try:
        find_programs(search)
    except StackError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("town")
    source = folder / "source"
    shutil.copytree(ROOT / "tests" / "lab", source, ignore=shutil.ignore_patterns(".remit"))
    with (source / "remit.toml").open("a") as settings:
        settings.write('\n[identity]\nfile = "identity.yaml"\n')
    keys = folder / "keys"
    keys.mkdir()
    made = Town(Running(source), keys)
    for person in (ASKER, BOSS, STRANGER):
        assert made.type("keys", "new", made.key(person), "--as", person).returncode == 0
    made.trust()
    running = Running.of(source, folder / "lab", "full")
    yield Town(running, keys)
    running.down()
    shutil.rmtree(cluster_folder(Layout(running.project)), ignore_errors=True)


@pytest.fixture
async def client(town: Town) -> Client:
    """A client of the stack's Temporal, with the stack's keys."""
    return await town.running.client()


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    """A page of a real browser with an empty profile."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=program, args=FLAGS, locale="en-GB"
        )
        opened = await context.new_page()
        opened.set_default_timeout(90_000)
        yield opened
        await context.close()


def written(town: Town, tag: str) -> Path:
    """Write a plan whose one step waits for an operator."""
    file = town.keys / f"{tag}.json"
    file.write_text(json.dumps(plan(tag, [burn("ash", f"{tag}-planted")], goal=f"{tag}-planted")))
    return file


async def records(town: Town, root: str, kind: str) -> list[JSONObject]:
    """Return the bodies of a run's records of one kind, from PostgreSQL."""
    ledger = await open_readonly(stack.environment(town.running.project).ledger_url)
    try:
        found = await ledger.records(root, after=0, limit=500)
    finally:
        await ledger.close()
    bodies: list[JSONObject] = []
    for record in found:
        body: JSON = record["body"]
        if record["kind"] == kind and isinstance(body, dict):
            bodies.append(body)
    return bodies


async def test_an_unsigned_vote_is_refused_and_a_signed_one_counts(
    town: Town, client: Client
) -> None:
    """From start to approval, by command line and straight to Temporal; the ledger tells."""
    tag = f"f{uuid.uuid4().hex[:8]}"
    nobody = town.said("run", written(town, f"{tag}n"))
    run = str(town.said("run", written(town, tag), "--no-follow", person=ASKER)["workflow_id"])
    handle = client.get_workflow_handle(run)
    wait = await gate_of(client, run)
    claimed = town.said("approve", run, "ash", "--as", BOSS, "--yes")
    body = {"step": "ash", "digest": wait["digest"], "by": BOSS}
    with pytest.raises(WorkflowUpdateFailedError) as sent:
        await handle.execute_update("approve", body)
    forged = town.said("approve", run, "ash", "--as", BOSS, "--yes", person=STRANGER)
    before = town.running.effects(tag)
    approved = town.said("approve", run, "ash", "--yes", person=BOSS)

    assert nobody["outcome"]["code"] == "PLAN-UNAUTHENTICATED"
    assert getattr(sent.value.cause, "type", "") == "vote.unverified"
    assert [told["diagnostics"][0]["code"] for told in (claimed, forged)] == [
        "vote.unverified", "TOKEN-KEY-UNKNOWN"
    ]  # fmt: skip
    assert before == []
    assert approved["ok"], approved
    assert (await handle.result())["status"] == "completed"
    assert town.running.effects(tag) == [f"burn {tag}-planted"]
    root = str((await handle.describe()).raw_info.first_run_id)
    (admission,) = await records(town, root, "admission")
    votes = await records(town, root, "vote")
    assert admission["run"]["starter"] == ASKER
    assert [(vote["counted"], bool(vote.get("proof"))) for vote in votes] == [
        (False, False), (False, False), (False, False), (True, True)
    ]  # fmt: skip


async def test_payloads_are_read_with_the_codec_alone(
    town: Town, client: Client, page: Page
) -> None:
    """Temporal's own answers hold nothing of the plan; command line and web UI read with proof.

    After a new key and another `remit up` what was written before is read still.
    """
    tag = f"f{uuid.uuid4().hex[:8]}"
    run = str(town.said("run", written(town, tag), "--no-follow", person=ASKER)["workflow_id"])
    wait = await gate_of(client, run)
    handle = client.get_workflow_handle(run)
    events = [event.SerializeToString() async for event in handle.fetch_history_events()]
    described = (await handle.describe()).raw_description.SerializeToString()
    assert f"{tag}-planted".encode() not in b"".join([*events, described])

    told = town.said("codec", "open")
    environment = stack.environment(town.running.project)
    address = f"{environment.temporal_ui}/namespaces/default/workflows/{run.replace('/', '%2F')}"
    await page.goto(address)
    await page.get_by_text("ExecutePlan").first.wait_for()
    assert f"{tag}-planted" not in await page.content()
    await page.goto(str(told["link"]))
    await page.goto(address)
    # The plan stands in an editor, whose text is in parts.
    await page.wait_for_function(
        "word => document.body.textContent.includes(word)", arg=f"{tag}-planted"
    )

    assert "0002.key" in str(town.said("codec", "rotate")["file"])
    town.running.up()
    shown = await asyncio.to_thread(
        subprocess.run,
        ["sh", "-c", f'{town.type("env").stdout.strip()} && exec temporal workflow show --detailed'
         f" --workflow-id '{run}'"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"{tag}-planted" in shown.stdout, shown.stderr
    again = await town.running.client()
    assert town.said("approve", run, "ash", "--yes", person=BOSS)["ok"]
    assert (await again.get_workflow_handle(run).result())["status"] == "completed"
    assert wait["step"] == "ash"
