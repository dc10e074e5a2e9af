"""A ledger on a real file, and a clock that the test moves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from remit.stores.ledger import SqlLedger
from tests.stores.ledger_values import HandClock, open_admitted


@pytest.fixture
def clock() -> HandClock:
    """A clock that stands still until the test moves it."""
    return HandClock()


@pytest.fixture
def ledger_url(tmp_path: Path) -> str:
    """Where a ledger may be made."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
async def ledger(ledger_url: str, clock: HandClock) -> AsyncIterator[SqlLedger]:
    """A ledger with one admitted run."""
    opened = await open_admitted(ledger_url, clock=clock)
    yield opened
    await opened.close()
