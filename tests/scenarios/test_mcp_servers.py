"""MCP servers that others wrote: imported with one command each, and used in a governed plan.

One is written in TypeScript, keeps a graph of facts in a file and changes it; the other is an older
one in Python that speaks a revision of 2025. Neither was made for Remit.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from temporalio.client import WorkflowHandle

from remit.canonical import JSON, JSONObject
from remit.cli.main import main
from tests.activities import mcp_installed
from tests.running import ROOT, Running, ended, plan, put, start, waits

pytestmark = [pytest.mark.stack, pytest.mark.large, pytest.mark.timeout(500)]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stack whose project has the tools of both servers."""
    memory, clock = mcp_installed.memory(), mcp_installed.clock()
    folder = tmp_path_factory.mktemp("servers")
    os.environ["MEMORY_FILE_PATH"] = str(folder / "memory.jsonl")
    project = folder / "source"
    (project / "tools").mkdir(parents=True)
    for part in ("remit.toml", "tools/lab.py", "policies"):
        (project / part).symlink_to(ROOT / "tests" / "lab" / part)
    _import(project, "memory", ["--env", "MEMORY_FILE_PATH=env:MEMORY_FILE_PATH"], memory)
    _import(project, "clock", [], clock)
    _review(project / "tools" / "memory.yaml")
    running = Running.of(project, folder / "lab")
    yield running
    running.down()
    del os.environ["MEMORY_FILE_PATH"]


def _import(project: Path, name: str, options: list[str], command: list[str]) -> None:
    into = str(project / "tools" / f"{name}.yaml")
    typed = ["tools", "import", "mcp", "--project", str(project), "--domain", "lab"]
    assert main([*typed, "--owner", "team:lab", "--into", into, *options, *command]) == 0


def _review(file: Path) -> None:
    """Write what an operator knows of the graph: what undoes what, and what is a read."""
    body = yaml.safe_load(file.read_text())
    by_name = {tool["name"]: tool for tool in body["tools"]}
    made = by_name["lab.create_entities"]
    names = ["${output.entities[0].name}"]
    made |= {"operation": "write", "irreversible": False, "idempotency": "natural"}
    made["compensation"] = {"tool": "lab.delete_entities@1", "args": {"entityNames": names}}
    by_name["lab.delete_entities"]["idempotency"] = "natural"
    by_name["lab.search_nodes"] |= {
        "operation": "read",
        "irreversible": False,
        "idempotency": "natural",
    }
    file.write_text(yaml.safe_dump(body))


def _remember(name: str) -> JSONObject:
    """Return a step that notes a supplier, with the time it was seen at."""
    entity: JSONObject = {
        "name": name,
        "entityType": "supplier",
        "observations": ["delivers in ${steps.zone.output.text}"],
    }
    step: JSONObject = {"id": "note", "tool": "lab.create_entities@1", "needs": ["zone"]}
    return {**step, "args": {"entities": [entity]}}


def _zone() -> JSONObject:
    args: JSONObject = {
        "source_timezone": "Etc/UTC",
        "time": "12:00",
        "target_timezone": "Etc/GMT-2",
    }
    gate: JSON = {"role": "operator", "expires": "PT1H"}
    step: JSONObject = {"id": "zone", "tool": "lab.convert_time@1", "args": args}
    return {**step, "irreversible": True, "approval": gate}


def _remembered() -> list[str]:
    file = Path(os.environ["MEMORY_FILE_PATH"])
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line)["name"] for line in lines if line]


async def _approve(handle: WorkflowHandle) -> None:
    """Approve what waits, as somebody who may."""
    (wait,) = await waits(handle)
    vote = {"step": wait["step"], "digest": wait["digest"], "by": "boss@lab.example"}
    await handle.execute_update("approve", vote)


async def test_two_servers_of_others_in_one_plan(office: Running) -> None:
    """What is not reviewed waits for a person; what is goes through, and changes the real file."""
    client = await office.client()
    search: JSONObject = {"id": "find", "tool": "lab.search_nodes@1", "needs": ["note"]}
    steps: list[JSON] = [_zone(), _remember("Acme"), {**search, "args": {"query": "Acme"}}]
    handle = await start(client, plan("remember", steps, outputs={"found": "${steps.find.output}"}))

    await _approve(handle)
    outcome = await ended(handle)

    assert outcome["status"] == "completed"
    assert _remembered() == ["Acme"]


async def test_a_later_failure_undoes_what_the_server_did(office: Running) -> None:
    """The server's own tool takes the entity back."""
    client = await office.client()
    fails = {**put("b", "nothing", "note"), "args": {"name": "nothing", "fail": "refuse"}}
    handle = await start(client, plan("forget", [_zone(), _remember("Globex"), fails]))

    await _approve(handle)
    outcome = await ended(handle)

    assert (outcome["status"], outcome["step"]) == ("failed", "b")
    assert "Globex" not in _remembered()
