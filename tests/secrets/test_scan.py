"""Looking for secrets in what is packed: what cannot be read is told, and the rest is read."""

import sqlite3
import zipfile
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from remit.secrets.scan import Found, Needle, Scan

SECRET = Needle.of("env:KEY", "s3cr3t-t0ken")


def test_a_member_under_a_password_hides_nothing_but_itself(tmp_path: Path) -> None:
    """It is told, and the members after it are read."""
    file = tmp_path / "kept.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("locked.txt", "whatever")
        archive.writestr("open.txt", "a s3cr3t-t0ken")
    packed = bytearray(file.read_bytes())
    packed[packed.index(b"PK\x01\x02") + 8] |= 1  # the first member's flag: encrypted
    file.write_bytes(packed)

    found = Scan([SECRET]).of([file])

    assert found == [
        Found(f"{file}: locked.txt (unpacked)", "", "RuntimeError"),
        Found(f"{file}: open.txt (unpacked)", "env:KEY", "plain"),
    ]


def test_a_packed_value_that_is_not_read_to_its_end_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan that stopped before a secret must not say that there is none."""
    monkeypatch.setattr("remit.secrets.scan._MOST_VALUE", 2 << 20)
    file = tmp_path / "kept.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE held (value BLOB)")
        value = zlib.compress(b"0" * (3 << 20) + b"s3cr3t-t0ken")
        database.execute("INSERT INTO held VALUES (?)", (value,))
        database.commit()

    found = Scan([SECRET]).of([file])

    assert found == [Found(f"{file}: table held", "", "larger than 2 MiB when unpacked")]
