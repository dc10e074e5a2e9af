"""One served console per test, over a ledger in a file."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from remit.stores.ledger import SqlLedger
from remit.stores.migrate import migrate
from tests.console.place import Place, release, served
from tests.stores.ledger_values import HandClock, open_admitted


@pytest.fixture(scope="session")
def console_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy."""
    file = tmp_path_factory.mktemp("console") / "ledger.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def ledger_url(console_template: Path, tmp_path: Path) -> str:
    """Where the ledger is."""
    shutil.copy(console_template, tmp_path / "ledger.db")
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
async def ledger(ledger_url: str) -> AsyncIterator[SqlLedger]:
    """A ledger with one admitted run and a release of policies, as workers have it."""
    opened = await open_admitted(ledger_url, clock=HandClock())
    await release(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def place(ledger: SqlLedger, ledger_url: str) -> AsyncIterator[Place]:
    """A console without a login."""
    async with served(ledger, ledger_url) as found:
        yield found
