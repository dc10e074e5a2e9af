"""One stack per test session and project; tests on it run in one xdist group."""

import gc
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from temporalio.client import Client

from tests.effort import examples
from tests.grouping import (
    STACKS,
    pytest_runtest_setup,
    pytest_runtest_teardown,
    pytest_xdist_make_scheduler,
)
from tests.running import ROOT, Running

__all__ = ["pytest_runtest_setup", "pytest_runtest_teardown", "pytest_xdist_make_scheduler"]

# A deadline for one example would judge the machine: the tests beside it keep all cores busy.
settings.register_profile("shared", deadline=None, max_examples=examples(100))
settings.load_profile("shared")

# Whatever collecting makes stays to the end. Looked through for garbage it would take each process
# a tenth of its CPU.
gc.disable()


def pytest_collection_finish() -> None:
    """Keep the garbage collector from all that was collected."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The lab's stack: Temporal, OPA, workers, keeper."""
    standing = os.environ.get("REMIT_TEST_LAB")
    if standing:
        yield Running(Path(standing))
        return
    running = Running.of(ROOT / "tests" / "lab", tmp_path_factory.mktemp("stack") / "lab")
    STACKS["lab"] = running
    yield running
    running.down()


@pytest.fixture
async def lab_client(lab: Running) -> Client:
    """A client of the lab's Temporal."""
    return await lab.client()


@pytest.fixture
def tag() -> str:
    """A prefix of names that no other test uses."""
    return f"t{uuid.uuid4().hex[:8]}"
