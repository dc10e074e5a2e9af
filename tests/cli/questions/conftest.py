"""The purchases that questions are asked about, made once, and copied for whoever alters them."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.cli.questions.purchase import furnish
from tests.policies.served import opa_binary


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two finished purchases in its ledger; nobody may change it."""
    opa_binary()
    return asyncio.run(furnish(tmp_path_factory.mktemp("purchases")))


@pytest.fixture
def office(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "office"))
