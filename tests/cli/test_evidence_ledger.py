"""Which ledger the evidence commands open when no stack of ours has said."""

from pathlib import Path

import pytest

from remit.cli.evidence.ledger import ledger_of
from remit.cli.evidence.place import keyring_of
from remit.cli.stack.layout import Layout
from tests.stores.ledger_values import ROOT, open_admitted


async def test_the_environment_names_a_ledger_without_a_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody beside containers is told the ledger as their workers are."""
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    ledger = await open_admitted(elsewhere)
    await ledger.close()
    monkeypatch.setenv("REMIT_LEDGER_URL", elsewhere)

    async with ledger_of(Layout(tmp_path / "project")) as log:
        run = await log.run_of(f"workflow-{ROOT}")

    assert run is not None
    assert run.root == ROOT


def test_the_environment_names_the_keys_without_a_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keeper in a container has its keys on a volume, and they are changed there."""
    layout = Layout(tmp_path / "project")
    monkeypatch.delenv("REMIT_EVIDENCE_KEYS", raising=False)
    own = keyring_of(layout).folder
    monkeypatch.setenv("REMIT_EVIDENCE_KEYS", str(tmp_path / "keys"))

    assert own == layout.evidence_keys
    assert keyring_of(layout).folder == tmp_path / "keys"
