"""One stack of the example for all scenarios; each test finds the company as it was seeded."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.grouping import STACKS
from tests.running import ROOT
from tests.scenarios.office import Office


@pytest.fixture(scope="session")
def backoffice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The example's stack: Temporal, OPA, workers, keeper, the back office."""
    standing = os.environ.get("REMIT_TEST_BACKOFFICE")
    if standing:
        yield Office(Path(standing))
        return
    folder = tmp_path_factory.mktemp("stack") / "office"
    office = Office.of(ROOT / "examples" / "backoffice", folder)
    STACKS["backoffice"] = office
    yield office
    office.down()


@pytest.fixture
def office(backoffice: Office) -> Office:
    """The company on its first day."""
    backoffice.reset()
    return backoffice


@pytest.fixture
async def client(backoffice: Office) -> Client:
    """A client of the stack's Temporal."""
    return await backoffice.client()
