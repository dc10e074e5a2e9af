"""A stack on which names must be proven, from the start of a run to its approvals, by real people.

The people are keys that `remit keys` made; what they type goes through the command line, and what
strangers send goes straight to Temporal.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mcp
import pytest
from temporalio.client import Client, WorkflowUpdateFailedError

from remit.approval.tokens import of_start
from remit.canonical import JSON, JSONObject, digest
from remit.cli.keys import read_key
from remit.cli.stack import stack
from remit.client.signing import Signer
from tests.command_line import typed
from tests.mcp.test_mcp_desk import asked
from tests.mcp.test_running_mcp import to_the_end
from tests.running import ROOT, Running, burn, plan, put, waits
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("identity")]

ASKER, BOSS, STRANGER = "asker@lab.example", "boss@lab.example", "mallory@lab.example"


@dataclass
class Town:
    """The stack, its people's keys, and the file of whom to trust."""

    running: Running
    keys: Path

    @property
    def file(self) -> Path:
        """The file of whom to trust."""
        return self.running.project / "identity.yaml"

    def key(self, person: str) -> Path:
        """Return where a person's key is."""
        return self.keys / f"{person}.pem"

    def signer(self, person: str) -> Signer:
        """Return who signs for a person."""
        return Signer(read_key(self.key(person)).key, "default")

    def type(self, *words: str | Path, person: str = "") -> "subprocess.CompletedProcess[str]":
        """Type a command, with a person's key if one is named."""
        variables = {**os.environ, "REMIT_PROJECT": str(self.running.project)}
        if person:
            variables["REMIT_KEY"] = str(self.key(person))
        return typed(words, folder=self.keys, variables=variables)

    def said(self, *words: str | Path, person: str = "") -> JSONObject:
        """Return what a command answers as JSON."""
        typed = self.type(*words, "--json", person=person)
        assert typed.stdout, typed.stderr
        told: JSONObject = json.loads(typed.stdout)
        return told

    def trust(self, *, revoked: tuple[str, ...] = ()) -> None:
        """Write the file: it trusts the asker and the boss."""
        people: JSONObject = {}
        ids = {}
        for person in (ASKER, BOSS, STRANGER):
            told = self.said("keys", "show", self.key(person))
            ids[person] = told["id"]
            if person != STRANGER:
                people[person] = [{"key": told["public"]}]
        document: JSON = {
            "schema": "remit.identity/v1",
            "people": people,
            "revoked": [ids[person] for person in revoked],
        }
        beside = self.file.with_suffix(".new")
        beside.write_text(json.dumps(document))
        beside.replace(self.file)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A lab in which nobody is believed by name."""
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
    running = Running.of(source, folder / "lab")
    yield Town(running, keys)
    running.down()


@pytest.fixture
async def client(town: Town) -> Client:
    """A client of the stack's Temporal."""
    return await town.running.client()


def written(town: Town, *steps: JSON, **more: JSON) -> Path:
    """Write a plan that no other test has."""
    name = f"n{uuid.uuid4().hex[:8]}"
    file = town.keys / f"{name}.json"
    listed = list(steps) or [burn("ash", name)]
    file.write_text(json.dumps(plan(name, listed, goal=name, **more)))
    return file


async def gate_of(client: Client, run: str) -> JSONObject:
    """Return the gate at which a run waits."""
    (wait,) = await waits(client.get_workflow_handle(run))
    return wait


async def test_from_start_to_approval_everybody_proves_who_they_are(
    town: Town, client: Client
) -> None:
    """Started with one key, approved with another; the ledger tells of both, and holds no token."""
    run = str(town.said("run", written(town), "--no-follow", person=ASKER)["workflow_id"])
    wait = await gate_of(client, run)
    (item,) = [
        one
        for one in town.said("inbox", "--role", "operator")["gates"]
        if one["workflow_id"] == run
    ]
    claimed = town.said("approve", run, "ash", "--as", BOSS, "--yes")
    forged = town.said("approve", run, "ash", "--as", BOSS, "--yes", person=STRANGER)
    own = town.said("approve", run, "ash", "--yes", person=ASKER)
    shown = town.type("approve", run, "ash", person=BOSS)
    approved = town.said("approve", run, "ash", "--comment", "fine", "--yes", person=BOSS)

    result = await client.get_workflow_handle(run).result()
    root = str(item["root"])
    assert (item["started_by"], item["digest"]) == (ASKER, wait["digest"])
    assert [told["diagnostics"][0]["code"] for told in (claimed, forged, own)] == [
        "vote.unverified", "TOKEN-KEY-UNKNOWN", "vote.self_approval"
    ]  # fmt: skip
    assert shown.returncode == 2
    assert all(word in shown.stderr for word in ("lab.burn@1", wait["digest"], "signed", ASKER))
    assert approved["ok"], approved
    assert result["status"] == "completed"
    (admission,) = town.running.records(root, "admission")
    assert admission["run"]["starter"] == ASKER
    votes = town.running.records(root, "vote")
    assert [bool(vote.get("proof")) for vote in votes] == [False, False, True, True]
    assert [vote["counted"] for vote in votes] == [False, False, False, True]
    assert "eyJhbGciOi" not in json.dumps([admission, votes])


async def test_nobody_starts_without_proof(town: Town, client: Client) -> None:
    """Nor with somebody else's rights, nor for somebody who did not ask."""
    nobody = town.said("run", written(town))
    stranger = town.said("run", written(town), person=STRANGER)
    for_others = town.said("run", written(town), person=BOSS)

    codes = [told["outcome"]["code"] for told in (nobody, stranger, for_others)]
    assert codes == ["PLAN-UNAUTHENTICATED", "TOKEN-KEY-UNKNOWN", "plan.starter_for"]


async def test_a_start_is_for_one_plan_and_one_run(town: Town, client: Client) -> None:
    """By Temporal's own means: a second argument; used for another plan or again, it is none."""
    document = plan(f"n{uuid.uuid4().hex[:8]}", [burn("ash", "x")])
    other = {**document, "goal": "something else"}
    token = town.signer(ASKER).start(ASKER, digest(document))
    assert of_start("remit/default", digest(other)) != of_start("remit/default", digest(document))

    async def begun(given: JSON, submission: JSON) -> JSONObject:
        handle = await client.start_workflow(
            "ExecutePlan", args=[given, submission], id=f"id-{uuid.uuid4().hex}", task_queue="remit"
        )
        told: JSONObject = {}

        async def settled() -> bool:
            told.update(await handle.query("status"))
            return told["status"] not in ("admitting", "running")

        await eventually(settled)
        return told

    wrong = await begun(other, token)
    good = await begun(document, token)
    again = await begun(document, token)
    nonsense = await begun(document, "a word")

    assert good["status"] == "awaiting_approval"
    assert [told.get("code") for told in (wrong, again, nonsense)] == [
        "TOKEN-ACTION", "TOKEN-REPLAYED", "TOKEN-MALFORMED"
    ]  # fmt: skip


async def test_temporals_own_command_line_starts_a_plan(town: Town, client: Client) -> None:
    """A plan and its proof are two files, or two inputs."""
    document = plan(f"n{uuid.uuid4().hex[:8]}", [put("put", "by-hand")])
    proof = town.signer(ASKER).start(ASKER, digest(document))
    files = [town.keys / "plan.json", town.keys / "token.json"]
    for file, value in zip(files, (document, proof), strict=True):
        file.write_text(json.dumps(value))
    name = f"id-{uuid.uuid4().hex}"
    program = str(stack.environment(town.running.project).temporal_binary)

    started = await asyncio.to_thread(
        subprocess.run,
        [program, "workflow", "start", "--address", town.running.address,
         "--type", "ExecutePlan", "--task-queue", "remit", "--workflow-id", name,
         "--input-file", str(files[0]), "--input-file", str(files[1])],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert started.returncode == 0, started.stderr
    assert (await client.get_workflow_handle(name).result())["status"] == "completed"


async def test_a_key_is_revoked_while_a_run_waits(town: Town, client: Client) -> None:
    """Without a restart its votes stop; given back, they go on."""
    run = str(town.said("run", written(town), "--no-follow", person=ASKER)["workflow_id"])
    await gate_of(client, run)
    town.trust(revoked=(BOSS,))
    refused = town.said("approve", run, "ash", "--yes", person=BOSS)
    town.trust()
    taken = town.said("reject", run, "ash", "--comment", "no", "--yes", person=BOSS)

    assert refused["diagnostics"][0]["code"] == "TOKEN-KEY-REVOKED"
    assert taken["ok"], taken
    assert (await client.get_workflow_handle(run).result())["status"] == "rejected"


async def test_every_answer_is_signed_whole(town: Town, client: Client) -> None:
    """A claim, other arguments, an output given by hand: what is typed is what is signed."""
    step = burn("ash", "first")
    run = str(town.said("run", written(town, step), "--no-follow", person=ASKER)["workflow_id"])
    before = await gate_of(client, run)
    claimed = town.said("claim", run, "ash", "--yes", person=BOSS)
    edited = town.said("edit", run, "ash", "--args", '{"name": "second"}', "--yes", person=BOSS)

    async def asks_anew() -> bool:
        pending = await client.get_workflow_handle(run).query("pending")
        return bool(pending) and pending[0]["digest"] != before["digest"]

    await eventually(asks_anew)
    taken = town.said(
        "take-over", run, "ash", "--output", '{"name": "by hand"}', "--yes", person=BOSS
    )
    votes = town.running.records(
        str((await client.get_workflow_handle(run).describe()).raw_info.first_run_id), "vote"
    )

    assert (claimed.get("verb"), edited.get("verb")) == ("claim", "edit"), (claimed, edited)
    assert all("proof" in vote for vote in votes)
    assert [vote["verdict"] for vote in votes] == ["claim", "edit", "take_over"], taken


async def test_a_stolen_token_is_none(town: Town, client: Client) -> None:
    """A good token of one run's gate, sent about another's by whoever can write to Temporal."""
    runs = [
        str(town.said("run", written(town), "--no-follow", person=ASKER)["workflow_id"])
        for _ in range(2)
    ]
    waiting = [await gate_of(client, run) for run in runs]
    handles = [client.get_workflow_handle(run) for run in runs]
    root = (await handles[0].describe()).raw_info.first_run_id
    body: JSONObject = {"step": "ash", "digest": waiting[0]["digest"], "by": BOSS}
    sent = town.signer(BOSS).message("vote", root, "approve", body)

    async def code(number: int, message: JSONObject) -> str:
        with pytest.raises(WorkflowUpdateFailedError) as error:
            await handles[number].execute_update("approve", message)
        return str(getattr(error.value.cause, "type", ""))

    foreign = await code(1, {**sent, "digest": waiting[1]["digest"]})
    edited = await code(0, {**sent, "comment": "and more"})
    await handles[0].execute_update("approve", sent)

    assert (foreign, edited) == ("TOKEN-RUN", "TOKEN-MESSAGE")
    assert (await handles[0].result())["status"] == "completed"
    await handles[1].execute_update(
        "rollback",
        town.signer(BOSS).message(
            "order",
            (await handles[1].describe()).raw_info.first_run_id,
            "rollback",
            {"by": BOSS, "reason": "enough"},
        ),
    )
    assert (await handles[1].result())["status"] == "rolled_back"


async def test_orders_are_proven_too(town: Town, client: Client) -> None:
    """What an operator types without a key is refused; with it, obeyed."""
    claimed = town.said("stop", "tool:lab.wait@1", "--by", BOSS, "--reason", "r")
    proven = town.said("stop", "tool:lab.wait@1", "--by", BOSS, "--reason", "r", person=BOSS)
    ended = town.said("go", "tool:lab.wait@1", "--by", BOSS, "--reason", "r", person=BOSS)

    assert claimed["diagnostics"][0]["code"] == "order.unverified"
    assert proven["changed"]
    assert ended["ok"]


def _agents_server(town: Town, *more: str, person: str = "") -> mcp.StdioServerParameters:
    """Return how `remit mcp` is started for the agent, with a person's key if one is named."""
    key = ["--key", str(town.key(person))] if person else []
    typed = ["-m", "remit", "mcp", "--agent", "tester", "--tenant", "lab", *key, *more]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    project = ["--project", str(town.running.project)]
    return mcp.StdioServerParameters(command=sys.executable, args=[*typed, *project], env=variables)


async def _submitted(town: Town, document: JSONObject, person: str) -> JSONObject:
    """Return how a run ended that an agent submitted by MCP with a person's key."""
    async with mcp.Client(_agents_server(town, person=person)) as client:
        begun = await asked(client, "submit_plan", plan=document, request_id="once")
        return await to_the_end(client, str(begun["run_id"]))


async def test_an_agent_submits_with_the_key_of_whom_it_acts_for(
    town: Town, client: Client
) -> None:
    """The run is started by that person, proven; a stranger's key starts nothing."""
    name = f"n{uuid.uuid4().hex[:8]}"
    document = plan(name, [put("put", name)])

    good = await _submitted(town, document, ASKER)
    bad = await _submitted(town, {**document, "on_behalf_of": STRANGER}, STRANGER)

    run = client.get_workflow_handle(str(good["run_id"]))
    root = str((await run.describe()).raw_info.first_run_id)
    (admission,) = town.running.records(root, "admission")
    assert good["outcome"]["status"] == "completed"
    assert admission["run"]["starter"] == ASKER
    assert bad["outcome"]["code"] == "TOKEN-KEY-UNKNOWN"
    assert town.running.effects(name) == [f"put {name}"]


@pytest.mark.parametrize("more", [(), ("--on-behalf-of", BOSS)], ids=["no key", "another's"])
async def test_an_agents_server_that_could_prove_nothing_does_not_start(
    town: Town, more: tuple[str, ...]
) -> None:
    """It says so at once, and not at the first plan."""
    server = _agents_server(town, *more, person=ASKER if more else "")
    ended = await asyncio.to_thread(
        subprocess.run,
        [server.command, *server.args],
        input="",
        capture_output=True,
        text=True,
        check=False,
        env=server.env,
    )

    assert ended.returncode == 2
    assert "MCP-KEY" in ended.stderr


def test_a_service_is_verified_by_somebody_who_is_known(town: Town) -> None:
    """What consumers expect is tried by governed runs, which somebody must start."""
    name = f"n{uuid.uuid4().hex[:8]}"
    document: JSONObject = {
        "consumer": "stock",
        "owner": "team:stock",
        "agent": "tester@1.0.0",
        "on_behalf_of": ASKER,
        "tenant": "lab",
        "sandbox": "playground",
        "expects": [{"tool": "lab.put@1", "examples": [{"args": {"name": name}}]}],
    }
    file = town.keys / f"{name}.json"
    file.write_text(json.dumps(document))
    words = ("tools", "verify", "--expectations", file)

    claimed = town.said(*words)
    proven = town.said(*words, person=ASKER)

    assert not claimed["ok"]
    assert "PLAN-UNAUTHENTICATED" in json.dumps(claimed)
    assert proven["ok"], proven
    assert town.running.effects(name) == [f"put {name}", f"drop {name}"]
