"""What a worker process says when it cannot begin."""

from pathlib import Path

import pytest

from workers.fleet import NotReadyError, opened
from workers.settings import WorkerSettings


async def test_a_ledger_that_cannot_be_opened_is_told_in_a_sentence(tmp_path: Path) -> None:
    """Not as a fault of the program, with a traceback."""
    (tmp_path / "ledger.db").write_text("this is no database")
    settings = WorkerSettings(ledger_url=f"sqlite:///{tmp_path}/ledger.db")
    with pytest.raises(NotReadyError, match="file is not a database"):
        async with opened(settings):
            pass
