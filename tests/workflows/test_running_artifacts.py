"""A file from tool to tool on the real stack: Temporal and the ledger see its digest alone."""

import asyncio
import hashlib
import json
import uuid
from pathlib import Path

import pytest
from temporalio.client import Client

from activities.tools.registry import Tools
from remit.canonical import JSON
from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.stores.artifact_folder import ArtifactFolder
from remit.stores.project import Project
from tests.activities.origin import Asked, Origin
from tests.in_process import working
from tests.running import Running, ended, plan
from tests.stores.forgetting_values import bytes_of
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(120)]

FILE = b"planted-in-the-file\n" * 150_000
"""3 MB: more than Temporal or the ledger would take."""


async def _reply(asked: Asked, writer: asyncio.StreamWriter) -> None:
    body = FILE if asked.line.startswith("GET") else b'{"kept": true}'
    media = "text/csv" if asked.line.startswith("GET") else "application/json"
    head = f"HTTP/1.1 200 X\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def test_a_file_goes_by_reference(
    lab: Running, lab_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second tool receives what the first gave; nothing of it stands in history or ledger."""
    tag = f"a{uuid.uuid4().hex[:8]}"
    origin = Origin(reply=_reply)
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0, limit=1 << 20)
    environ = {"LAB_ORIGIN": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}
    store = ArtifactFolder(tmp_path / "artifacts")

    def tools(project: Project) -> Tools:
        return Tools(project.functions, project.folder, environ, artifacts=store)

    steps: list[JSON] = [
        {"id": "export", "tool": "lab.export@1", "args": {"name": tag}},
        {
            "id": "archive",
            "tool": "lab.archive@1",
            "needs": ["export"],
            "args": {"name": tag, "file": "${steps.export.output.artifact}"},
        },
    ]
    outputs: JSON = {"file": "${steps.export.output.artifact}"}
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    settings = WorkerSettings(task_queue=tag)
    async with server, working(lab, lab_client, settings, tools=tools):
        handle = await lab_client.start_workflow(
            "ExecutePlan", plan("files", steps, outputs=outputs), id=tag, task_queue=tag
        )
        result = await ended(handle)
        history = (await handle.fetch_history()).to_json()

    digest = "sha256:" + hashlib.sha256(FILE).hexdigest()
    assert result["status"] == "completed", result
    assert [one.body for one in origin.asked] == [b"", FILE]
    assert digest in json.dumps(result) + history
    assert "planted-in-the-file" not in history
    assert b"planted-in-the-file" not in bytes_of(
        f"sqlite:///{Layout(lab.project).ledger_database}"
    )
    claims = store.find("lab", digest).claims()
    assert claims == [f"{handle.first_execution_run_id}:export:do"]
