"""`remit ledger rekey` on a ledger of the project's own: another key, and back to plain text."""

import asyncio
from pathlib import Path

import pytest

from remit.stores.ledger import open_ledger
from tests.cli.conftest import Command
from tests.stores.forgetting_values import bytes_of
from tests.stores.ledger_values import content

SECRET = content({"secret": "MARK-OF-THE-VALUE"})
KEYS = {"OLD_KEY": "11" * 32, "NEW_KEY": "22" * 32}


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A ledger that the environment names, with one content in plain text."""
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)
    monkeypatch.delenv("REMIT_CONTENT_KEYS", raising=False)
    address = f"sqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("REMIT_LEDGER_URL", address)
    asyncio.run(_written(address))
    return address


async def _written(url: str) -> None:
    ledger = await open_ledger(url)
    await ledger.put([SECRET])
    await ledger.close()


async def _read(url: str) -> bytes:
    ledger = await open_ledger(url)
    try:
        return await ledger.get(SECRET.digest)
    finally:
        await ledger.close()


def test_contents_change_keys_and_the_old_one_is_let_go(
    remit: Command, notes: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain, then one key, then another: each time everything is written, and still readable."""
    told = []
    for keys in ("env:OLD_KEY", "env:NEW_KEY,env:OLD_KEY"):
        monkeypatch.setenv("REMIT_CONTENT_KEYS", keys)
        ran = remit("ledger", "rekey", "--project", notes, "--json")
        told.append((ran.code, ran.document))
        assert b"MARK-OF-THE-VALUE" not in bytes_of(url)
    monkeypatch.setenv("REMIT_CONTENT_KEYS", "env:NEW_KEY")

    assert asyncio.run(_read(url)) == SECRET.body
    for code, document in told:
        assert code == 0
        assert (document["contents"], document["written"], document["compacted"]) == (1, 1, True)
    first, second = (document["retired"] for _, document in told)
    assert isinstance(second, list)
    assert len(second) == 1
    assert second != first


def test_it_says_what_it_did_and_a_second_time_does_nothing(
    remit: Command, notes: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As lines, for a person."""
    monkeypatch.setenv("REMIT_CONTENT_KEYS", "env:OLD_KEY")
    first = remit("ledger", "rekey", "--project", notes)
    again = remit("ledger", "rekey", "--project", notes)

    assert "1 of 1 contents written anew" in first.out
    assert "0 of 1 contents written anew" in again.out
    assert (first.code, again.code) == (0, 0)


def test_without_the_old_key_nothing_is_written(
    remit: Command, notes: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger of another key is refused with its code, and stays as it was; no key is printed."""
    monkeypatch.setenv("REMIT_CONTENT_KEYS", "env:OLD_KEY")
    remit("ledger", "rekey", "--project", notes)
    before = bytes_of(url)
    monkeypatch.setenv("REMIT_CONTENT_KEYS", "env:NEW_KEY")
    refused = remit("ledger", "rekey", "--project", notes, "--json")

    assert refused.code != 0
    assert refused.codes == ["CONTENT-KEY"]
    assert not any(key in refused.out + refused.err for key in KEYS.values())
    assert bytes_of(url) == before
