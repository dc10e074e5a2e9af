"""The purchases that candidates are judged by, made once, and copied for whoever adds to them."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.cli.whatif.three import candidate_in, furnish
from tests.policies.served import opa_binary


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with three purchases in its ledger; nobody may change it."""
    opa_binary()
    return asyncio.run(furnish(tmp_path_factory.mktemp("three")))


@pytest.fixture
def company(recorded: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(recorded, tmp_path / "company"))


@pytest.fixture
def candidate(recorded: Path, tmp_path: Path) -> Path:
    """A candidate that blocks one, widens one and gates one."""
    return candidate_in(recorded, tmp_path)
