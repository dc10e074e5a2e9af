"""Logs: bounded under the feet of those who write, and read at their end."""

from pathlib import Path

import pytest

from remit.cli.stack import logs


def test_a_log_that_grew_too_long_begins_anew_for_its_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer goes on in the same, now short file; what it wrote before is kept once."""
    monkeypatch.setattr(logs, "LIMIT_BYTES", 10)
    log = tmp_path / "opa.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old old old old\n")
        logs.bound(tmp_path)
        writer.write(b"new\n")
        logs.bound(tmp_path)

    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "opa.log.1").read_bytes() == b"old old old old\n"


def test_the_tail_is_what_was_said_since(tmp_path: Path) -> None:
    """At most twenty lines, none from before the offset; no log is no tail."""
    log = tmp_path / "opa.log"
    log.write_text("before\n")
    offset = logs.begin(log, "opa")
    with log.open("a") as file:
        file.writelines(f"line {n}\n" for n in range(30))

    assert logs.tail(log, offset).splitlines()[1:] == [f"    line {n}" for n in range(10, 30)]
    assert "before" not in logs.tail(log, offset)
    assert logs.tail(tmp_path / "none.log") == ""
