"""One stack per test session and project; tests on it run in one xdist group."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from temporalio.client import Client

from tests.running import ROOT, Running

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "Scheduling | None":
    """Keep the tests of one stack together; see `tests.grouping`."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from tests.grouping import StackScheduling

    return StackScheduling(config, log)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The lab's stack: Temporal, OPA, workers, keeper."""
    standing = os.environ.get("REMIT_TEST_LAB")
    if standing:
        yield Running(Path(standing))
        return
    running = Running.of(ROOT / "tests" / "lab", tmp_path_factory.mktemp("stack") / "lab")
    yield running
    running.down()


@pytest.fixture
async def lab_client(lab: Running) -> Client:
    """A client of the lab's Temporal."""
    return await lab.client()
