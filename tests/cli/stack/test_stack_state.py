"""What is written down survives, and what cannot be read does no harm."""

import errno
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.errors import StackError
from remit.cli.stack.health import HttpHealth
from remit.cli.stack.layout import SOCKET_PATH_BYTES, Layout
from remit.cli.stack.lock import hold
from remit.cli.stack.state import ComponentRecord, StackState, load, save
from remit.stores.atomic import keep_secret, write_atomically

RECORD = ComponentRecord(
    pid=1,
    began="boot:1",
    started_at=datetime(2026, 11, 21, tzinfo=UTC),
    fingerprint="sha256:0",
    address="127.0.0.1:1",
    log=Path("/log"),
    health=HttpHealth(url="http://127.0.0.1:1/health"),
    grace_s=1,
)


def environment(**more: str | int) -> StackEnvironment:
    """Return the settings of a component."""
    return StackEnvironment.model_validate(
        {
            "project": "/p",
            "temporal_address": "127.0.0.1:7233",
            "temporal_ui": "http://127.0.0.1:8233",
            "opa_socket": "/p/opa.sock",
            "opa_token_file": "/p/opa.token",
            "ledger_url": "sqlite:////p/ledger.db",
            "log_dir": "/p/logs",
            "opa_binary": "/b/opa",
            "temporal_binary": "/b/temporal",
            **more,
        }
    )


def test_the_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    """Components, in order, and everything else survive the file, readable by the owner alone."""
    state = StackState(ports={"temporal": 7233}, environment=environment())
    state = (
        state.with_component("a", RECORD).with_component("b", RECORD).with_component("a", RECORD)
    )
    save(tmp_path / "state.json", state)

    assert load(tmp_path / "state.json") == state
    assert list(load(tmp_path / "state.json").components) == ["b", "a"]
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "{", '{"components": {"a": {}}}', "[]"])
def test_an_unreadable_state_is_an_empty_one(tmp_path: Path, content: str) -> None:
    """Half a file, or one of another version, stops nobody."""
    (tmp_path / "state.json").write_text(content)

    assert load(tmp_path / "state.json") == StackState()


def test_settings_travel_as_variables() -> None:
    """Every field is one `REMIT_*` variable; absent ones are not set; others are passed over."""
    told = environment(metrics_port=9000)
    variables = told.variables()

    assert variables["REMIT_TEMPORAL_ADDRESS"] == "127.0.0.1:7233"
    assert variables["REMIT_PROFILE"] == "light"
    assert "REMIT_METRICS_PORT" not in environment().variables()
    assert StackEnvironment.read({**variables, "REMIT_OTHER": "1", "HOME": "/"}) == told


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers never see a part, and nothing is left beside the file."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "disk full")

    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    """The same secret comes back, and nobody else can read it."""
    made = keep_secret(tmp_path / "key")

    assert len(made) == 64
    assert keep_secret(tmp_path / "key") == made
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_long_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    """A socket path that the kernel cannot take is replaced by a short one, and kept."""
    layout = Layout(tmp_path / ("x" * 120))
    short = layout.socket(None)

    assert len(str(short)) <= SOCKET_PATH_BYTES
    assert short.parent.stat().st_mode & 0o777 == 0o700
    assert layout.socket(short) == short
    short.parent.rmdir()


def test_a_short_path_keeps_its_socket_in_the_project() -> None:
    """The socket lies in the run folder where that is possible."""
    layout = Layout(Path("/p"))

    assert layout.socket(Path("/other/opa.sock")) == layout.run / "opa.sock"


def test_a_held_lock_is_waited_for_and_then_told(tmp_path: Path) -> None:
    """The second waits, says so, and gives up with a code; a free lock is taken at once."""
    said: list[str] = []
    with (
        hold(tmp_path / "lock", wait_s=0, report=said.append),
        pytest.raises(StackError, match="STACK-LOCKED"),
        hold(tmp_path / "lock", wait_s=0.2, report=said.append),
    ):
        pass
    with hold(tmp_path / "lock", wait_s=0, report=said.append):
        pass

    assert said == ["waiting for another `remit` that works on the same folder"]


def test_a_lock_is_passed_on(tmp_path: Path) -> None:
    """Whoever waits gets the lock when its holder is done."""
    order: list[str] = []

    def second() -> None:
        with hold(tmp_path / "lock", wait_s=10, report=lambda _: waiting.set()):
            order.append("second")

    waiting = threading.Event()
    thread = threading.Thread(target=second)
    with hold(tmp_path / "lock", wait_s=0, report=order.append):
        thread.start()
        assert waiting.wait(5)
        order.append("first")
    thread.join(5)

    assert order == ["first", "second"]
