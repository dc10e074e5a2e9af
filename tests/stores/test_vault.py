"""Contents encrypted where they lie: keys by reference, rotation, and nothing without the key."""

from pathlib import Path

import pytest

from remit.ledger.errors import LedgerError
from remit.ledger.forgetting import ForgetOrder
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.vault import Vault, load_vault
from tests.stores.forgetting_values import bytes_of, finished
from tests.stores.ledger_values import content

KEYS = {"OLD": "11" * 32, "NEW": "22" * 32, "SHORT": "1234"}
SECRET = content({"secret": "MARK-OF-THE-VALUE"})


def _vault(references: str) -> Vault:
    return load_vault(references, KEYS)


async def _opened(url: str, references: str) -> SqlLedger:
    return await open_ledger(url, vault=_vault(references), deadline_s=30)


async def _reads(url: str, references: str) -> bytes:
    ledger = await _opened(url, references)
    try:
        return await ledger.get(SECRET.digest)
    finally:
        await ledger.close()


async def _written(url: str, references: str) -> None:
    ledger = await _opened(url, references)
    await ledger.put([SECRET])
    await ledger.close()


async def test_a_value_stands_encrypted_and_is_read_in_plain(ledger_url: str) -> None:
    """The file holds nothing of it; its name is the digest of the plain text."""
    await _written(ledger_url, "env:OLD")

    assert b"MARK-OF-THE-VALUE" not in bytes_of(ledger_url)
    assert await _reads(ledger_url, "env:OLD") == SECRET.body


@pytest.mark.parametrize("references", ["", "env:NEW"])
async def test_without_the_key_the_ledger_is_not_opened(ledger_url: str, references: str) -> None:
    """No key, or another one: refused, nothing is lost, and the right one opens it again."""
    await _written(ledger_url, "env:OLD")
    with pytest.raises(LedgerError) as refused:
        await _opened(ledger_url, references)

    assert refused.value.code == "CONTENT-KEY"
    assert KEYS["OLD"] not in str(refused.value)
    assert await _reads(ledger_url, "env:OLD") == SECRET.body


@pytest.mark.parametrize(
    "references", ["env:NOWHERE", "env:SHORT", "file:/nowhere/key", KEYS["OLD"], "plain"]
)
def test_a_reference_that_leads_to_no_key_is_refused(references: str) -> None:
    """Nothing is written in plain for want of a key, and no key is repeated in a message."""
    with pytest.raises(LedgerError) as refused:
        _vault(references)

    assert refused.value.code == "CONTENT-KEY"
    assert KEYS["OLD"][:20] not in str(refused.value)


def test_a_key_may_come_from_a_file(tmp_path: Path) -> None:
    """In hexadecimal or base64, with a line break behind it."""
    file = tmp_path / "content.key"
    file.write_text(KEYS["OLD"] + "\n")

    assert _vault(f"file:{file}").current == _vault("env:OLD").current


async def test_a_key_is_rotated(ledger_url: str) -> None:
    """Both are needed until everything is written anew; then the old one is let go of."""
    await _written(ledger_url, "env:OLD")
    ledger = await _opened(ledger_url, "env:NEW,env:OLD")
    later = content({"later": 1})
    await ledger.put([later])
    both = [await ledger.get(one.digest) for one in (SECRET, later)]
    done = await ledger.forgetting.rekey()
    await ledger.close()

    assert both == [SECRET.body, later.body]
    assert (done.looked, done.written, done.retired) == (2, 1, (_vault("env:OLD").current,))
    assert await _reads(ledger_url, "env:NEW") == SECRET.body


async def test_a_plain_ledger_is_encrypted_later_and_back(ledger_url: str) -> None:
    """After `rekey` and compaction no plain text stands in the file; `plain,` turns it back."""
    await _written(ledger_url, "")
    ledger = await _opened(ledger_url, "env:OLD")
    await ledger.forgetting.rekey()
    is_clean = await ledger.compact()
    await ledger.close()
    encrypted = bytes_of(ledger_url)
    ledger = await _opened(ledger_url, "plain,env:OLD")
    back = await ledger.forgetting.rekey()
    await ledger.close()

    assert (is_clean, b"MARK-OF-THE-VALUE" in encrypted) == (True, False)
    assert back.written == 1
    assert await _reads(ledger_url, "") == SECRET.body


async def test_bodies_cannot_be_exchanged(ledger_url: str) -> None:
    """What is stored is bound to its name: under another one it does not open."""
    vault = _vault("env:OLD")
    other = content({"other": 1})
    stored = vault.seal(SECRET.digest, SECRET.body)
    with pytest.raises(LedgerError) as refused:
        vault.open(other.digest, vault.current, stored)

    assert refused.value.code == "CONTENT-DIFFERS"


async def test_encrypted_contents_are_forgotten_too(ledger_url: str) -> None:
    """And a value that comes back is encrypted again."""
    ledger = await _opened(ledger_url, "env:OLD")
    calls = [("tell", {"to": "MARK-ada"}, {"sent": 1}, "mail.send@1")]
    made = await finished(ledger, "run-1", calls)
    done = await ledger.forgetting.order("run-1", ForgetOrder("me", "why"))
    with pytest.raises(LedgerError) as forgotten:
        await ledger.get(made[0].digest)
    await finished(ledger, "run-2", calls)
    again = await ledger.get(made[0].digest)
    await ledger.close()

    assert (done.contents, forgotten.value.code) == (3, "CONTENT-FORGOTTEN")
    assert again == made[0].body
    assert b"MARK-ada" not in bytes_of(ledger_url)
