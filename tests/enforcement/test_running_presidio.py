"""Presidio on the real stack: workers load it, and what it finds stands in a run's records."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.running import ROOT, Running, ended, plan, put, start

pytestmark = [
    pytest.mark.stack,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        find_spec("presidio_analyzer") is None, reason="the extra `presidio` is not installed"
    ),
]


async def test_what_it_finds_is_recorded_of_a_run(tmp_path: Path) -> None:
    """A number that the default does not know, in the arguments of a call."""
    source = tmp_path / "source"
    shutil.copytree(ROOT / "tests" / "lab", source)
    with (source / "remit.toml").open("a") as table:
        table.write('\n[data]\ndetector = "presidio"\ndeadline_s = 30\n')
    running = Running.of(source, tmp_path / "lab")
    try:
        handle = await start(await running.client(), plan("read", [put("a", "FIN S1234567D")]))
        outcome = await ended(handle)
        root = handle.first_execution_run_id or ""
        (record,) = running.records(root, "outcome")
    finally:
        running.down()

    assert outcome["status"] == "completed"
    assert record["detected"] == ["national_id"]
