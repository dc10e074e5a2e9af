"""Secrets through real runs: a tool that repeats them everywhere, and a scan of what is kept."""

import asyncio
import json
import logging
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from activities.tools.registry import Tools
from remit.canonical import JSON
from remit.cli.main import main
from remit.cli.stack import stack
from tests.activities.origin import Asked, Origin, answer
from tests.activities.tokens_giver import Giver
from tests.in_process import working
from tests.running import Running, ended, plan, waits
from workers.settings import WorkerSettings
from workers.telemetry import NOISY

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(180)]

BOSS = "boss@lab.example"
_TOOLS = """
defaults:
  version: 1.0.0
  owner: team:lab
  domain: lab
  operation: read
  idempotency: natural
  input_schema: {type: object, properties: {how: {type: string}}, required: [how]}
  output_schema: {}
  destinations: [127.0.0.1]
  call:
    kind: http
    method: GET
    url: "${env:REMIT_TEST_ECHO}/{how}"
    headers: {Authorization: "Bearer ${env:REMIT_TEST_TOKEN}", X-Agent: "file:keys/{agent}"}
tools:
  - name: lab.echo
    description: Answer with all that it was told.
  - name: lab.echo_token
    description: The same, called with an access token.
    call:
      headers: {Authorization: "Bearer ${oauth:echo}", X-Agent: "file:keys/{agent}"}
"""
_CLIENT = """
[oauth.echo]
token_url = "${env:REMIT_TEST_GIVER}/oauth2/token"
client_id = "echo"
client_secret = "env:REMIT_TEST_CLIENT"
"""
_RAISING = '''
import os

from remit.tool.python import tool


@tool(domain="lab", operation="read", idempotency="natural", owner="team:lab", version="1.0.0")
async def blurt() -> str:
    """Raise with a secret in its words."""
    raise RuntimeError("the token is " + os.environ["REMIT_TEST_TOKEN"])
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own, whose tools need a secret of the environment and the agent's own."""
    folder = tmp_path / "echo"
    (folder / "tools").mkdir(parents=True)
    (folder / "keys").mkdir()
    (folder / "tools" / "lab.yaml").write_text(_TOOLS)
    (folder / "tools" / "blurting.py").write_text(_RAISING)
    (folder / "keys" / "tester").write_text(f"agents-k3y/{uuid.uuid4().hex}\n")
    (folder / "remit.toml").write_text(_CLIENT)
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Everything that this process logs, as a worker at DEBUG would."""
    file = tmp_path / "worker.log"
    handler, level = logging.FileHandler(file), logging.root.level
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.DEBUG)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    yield file
    logging.root.removeHandler(handler)
    logging.root.setLevel(level)


async def _echo(asked: Asked, writer: object) -> None:
    how = asked.line.split()[1].removeprefix("/")
    told = {**asked.headers, asked.headers["authorization"]: [asked.headers["x-agent"]]}
    status = int(how) if how.isdecimal() else 200
    body = {"message": f"got {told}", "error": {"message": str(told)}} if status > 299 else told
    shown = asked.headers["authorization"]
    raw = f'{{"{shown}": 1, "{shown}": 2}}' if how == "broken" else json.dumps(body)
    more = f"X-Echo: {shown}\r\nSet-Cookie: t={shown}\r\n"
    kind = shown if how == "type" else "application/json"
    await answer(status, raw.encode(), kind, more)(asked, writer)  # type: ignore[arg-type]


async def test_a_run_leaves_no_secret_behind(
    lab: Running,
    lab_client: Client,
    origin: Origin,
    giver: Giver,
    project: Path,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In no history, ledger or log, though the tool repeats it; one that was planted is found."""
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    token = f"s3cret/+token-{uuid.uuid4().hex}"
    monkeypatch.setenv("REMIT_TEST_TOKEN", token)
    monkeypatch.setenv("REMIT_TEST_CLIENT", f"cl1ent/+secret-{uuid.uuid4().hex}")
    monkeypatch.setenv("REMIT_TEST_ECHO", f"http://127.0.0.1:{origin.port}")
    monkeypatch.setenv("REMIT_TEST_GIVER", f"http://127.0.0.1:{giver.origin.port}")
    origin.reply = _echo
    settings = WorkerSettings(task_queue=f"echo-{uuid.uuid4().hex[:8]}")
    histories = tmp_path / "histories"
    histories.mkdir()
    planted = f"pl4nted-{uuid.uuid4().hex}"

    async def run(how: str, tool: str = "lab.echo@1", *, doubtful: bool = False) -> str:
        args: JSON = {} if tool == "lab.blurt@1" else {"how": how}
        steps: list[JSON] = [{"id": "a", "tool": tool, "args": args, "retry": {"max_attempts": 1}}]
        handle = await lab_client.start_workflow(
            "ExecutePlan",
            plan("echo", steps),
            id=f"echo-{uuid.uuid4().hex}",
            task_queue=settings.task_queue,
        )
        if doubtful:
            (wait,) = await waits(handle)
            told: JSON = {"step": wait["step"], "happened": False, "evidence": "seen", "by": BOSS}
            await handle.signal("resolve_doubt", told)
        outcome = await ended(handle)
        history = await handle.fetch_history()
        (histories / f"{handle.id}.json").write_text(history.to_json())
        return str(outcome["status"])

    async with working(Running(project), lab_client, settings, tools=Tools.of):
        assert await run("told") == "completed"
        for how in ("401", "broken", "type"):
            assert await run(how) == "failed"
        assert await run("500", doubtful=True) == "failed"
        assert await run("told", "lab.echo_token@1") == "completed"
        assert await run("401", "lab.echo_token@1") == "failed"
        giver.answers(answer(401, json.dumps({"error": os.environ["REMIT_TEST_CLIENT"]}).encode()))
        assert await run("told", "lab.echo_token@1") == "failed"
        assert await run("", tool="lab.blurt@1", doubtful=True) == "failed"
        (histories / "printed.log").write_text("".join(capsys.readouterr()))
        scanned = ["secrets", "scan", str(lab.project / ".remit"), str(histories), str(log)]
        tokens = tmp_path / "tokens.txt"
        tokens.write_text("\n".join(giver.given))
        scanned += ["--values", str(tokens)]
        of_project = ["--agent", "tester", "--project", str(project), "--json"]
        assert await asyncio.to_thread(main, [*scanned, *of_project]) == 0
        said = json.loads(capsys.readouterr().out)

        # The other half of the proof: what does stand there is seen, in each place.
        await run(planted)

    capsys.readouterr()
    assert token in origin.asked[0].headers["authorization"]
    assert said["looked_for"] == [
        *("env:REMIT_TEST_CLIENT", "env:REMIT_TEST_TOKEN", "file:keys/{agent}"),
        "tokens.txt line 1",
    ]
    assert giver.given[0] in origin.asked[-2].headers["authorization"]
    assert said["found"] == []
    tokens.write_text(planted)
    assert await asyncio.to_thread(main, [*scanned, *of_project]) == 1
    found = [each["where"] for each in json.loads(capsys.readouterr().out)["found"]]
    assert {Path(each.partition(": ")[0]).name for each in found} >= {"temporal.db", "ledger.db"}
    assert any(each.startswith(str(histories)) for each in found)
