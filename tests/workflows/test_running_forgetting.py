"""Forgetting on the real stack: ordered by command, judged by policy, and verified afterwards."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from temporalio.client import Client

from remit.canonical import JSON
from remit.cli.main import main
from remit.cli.stack.layout import Layout
from tests.running import Running, ended, plan, start
from tests.stores.forgetting_values import bytes_of
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(240)]

BY = ["--by", "boss@lab.example", "--reason", "they asked for it"]


def _said(capsys: pytest.CaptureFixture[str], *typed: str) -> tuple[int, dict[str, JSON]]:
    code = main([*typed, "--json"])
    return code, json.loads(capsys.readouterr().out)


async def test_a_run_is_retained_released_and_forgotten(
    lab: Running, lab_client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the window it is refused; afterwards contents go and the evidence still holds."""
    tag = f"f{uuid.uuid4().hex[:8]}"
    step: JSON = {"id": "a", "tool": "lab.put@1", "args": {"name": f"{tag}-name"}}
    handle = await start(lab_client, plan("forgettable", [step]))
    assert (await ended(handle))["status"] == "completed"
    root = handle.first_execution_run_id or ""

    async def sealed() -> bool:
        return bool(lab.records(root, "seal"))

    await eventually(sealed, 90)
    where = ["--project", str(lab.project)]
    before = tmp_path / "before.zip"
    after = tmp_path / "after.zip"
    exported = await _in_thread(capsys, "evidence", "export", root, "-o", str(before), *where)
    refused = await _in_thread(capsys, "forget", root, *BY, *where)
    retained = await _in_thread(capsys, "retain", root, *BY, *where)
    async with _no_window(lab):
        # Until the edited data decides, the window refuses it.
        while "order.may_be_rolled_back" in json.dumps(
            (kept := await _in_thread(capsys, "forget", root, *BY, *where))[1]
        ):
            continue
        released = await _in_thread(capsys, "retain", root, "--release", *BY, *where)
        forgotten = await _in_thread(capsys, "forget", root, "--plans", *BY, *where)
    await _in_thread(capsys, "evidence", "export", root, "-o", str(after), *where)
    old = await _in_thread(capsys, "evidence", "verify", str(before), *where)
    new = await _in_thread(capsys, "evidence", "verify", str(after), *where)
    shown = await _in_thread(capsys, "evidence", "show", str(after), *where)
    database = Layout(lab.project).ledger_database
    while "order.may_be_rolled_back" not in json.dumps(
        (await _in_thread(capsys, "forget", root, *BY, *where))[1]
    ):
        continue

    assert (exported[0], retained[0], released[0], forgotten[0]) == (0, 0, 0, 0)
    assert "order.may_be_rolled_back" in json.dumps(refused[1])
    assert "FORGET-RETAINED" in json.dumps(kept[1])
    assert (old[0], old[1]["forgotten"]) == (0, [])
    assert (new[0], new[1]["ok"]) == (0, True)
    gone = new[1]["forgotten"]
    assert isinstance(gone, list)
    assert len(gone) == forgotten[1]["contents"] >= 2
    assert shown[0] == 0
    assert "contents forgotten, record" in (tmp_path / "after.html").read_text()
    assert f"{tag}-name".encode() not in bytes_of(f"sqlite:///{database}")


async def _in_thread(
    capsys: pytest.CaptureFixture[str], *typed: str
) -> tuple[int, dict[str, JSON]]:
    """Run a command; it has an event loop of its own."""
    return await asyncio.to_thread(_said, capsys, *typed)


@asynccontextmanager
async def _no_window(lab: Running) -> AsyncIterator[None]:
    """Let a run be forgotten as soon as it is over."""
    file = lab.project / "policies" / "data.yaml"
    before = file.read_text()
    document = yaml.safe_load(before)
    document["remit"]["registry"]["thresholds"]["rollback_window_ms"] = 0
    file.write_text(yaml.safe_dump(document))
    try:
        yield
    finally:
        file.write_text(before)
