"""`remit notify test`: a real message to a real receiver, and no address in what is printed."""

import json
import logging
from pathlib import Path

import pytest

from remit.cli.main import main
from remit.notify.settings import NotifyError, load
from tests.receiving import receiving

_TABLES = """
name = "told"
[notify]
default = ["ops"]
[notify.channels]
ops = "env:REMIT_TEST_OPS"
gone = "file:nowhere.url"
[notify.roles]
both = ["ops", "gone"]
nobody = []
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one good channel and one whose address is not there."""
    (tmp_path / "remit.toml").write_text(_TABLES)
    return tmp_path


def test_a_message_arrives_and_says_that_it_is_a_test(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the default channel, for a role that has none of its own; no log holds the address."""
    heard: list[str] = []
    listening = logging.Handler()
    listening.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    monkeypatch.setattr(logging.root, "handlers", [listening])
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.NOTSET)
    with receiving() as receiver:
        monkeypatch.setenv("REMIT_TEST_OPS", receiver.address)
        code = main(["notify", "test", "operator", "--project", str(project)])

    assert code == 0
    assert [one["title"] for one in receiver.bodies] == ["Remit: test"]
    assert "operator" in str(receiver.bodies[0]["message"])
    assert "ops: sent" in capsys.readouterr().out
    assert "hush" not in "".join(heard)


def test_a_channel_that_does_not_take_it_is_told_without_its_address(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, each channel by itself."""
    monkeypatch.setenv("REMIT_TEST_OPS", "json://127.0.0.1:9/hush")

    code = main(["notify", "test", "both", "--project", str(project), "--json"])

    said = capsys.readouterr()
    told = json.loads(said.out)
    assert code == 3
    assert [one["sent"] for one in told["channels"]] == [False, False]
    assert "hush" not in said.out + said.err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('default = ["ops"]', 'default = ["opps"]'),
        ('"env:REMIT_TEST_OPS"', '"json://hush.example/hush"'),
        ("[notify]", '[notify]\nfile = "x.toml"'),
    ],
)
def test_bad_settings_are_named(
    project: Path, capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    """An unknown channel, an address in the file itself: refused, and not repeated."""
    (project / "remit.toml").write_text(_TABLES.replace(old, new, 1))

    assert main(["notify", "test", "operator", "--project", str(project)]) == 2

    said = "".join(capsys.readouterr())
    assert "NOTIFY-INVALID" in said
    assert "hush" not in said
    with pytest.raises(NotifyError):
        load(project)


def test_settings_may_stand_in_a_file_of_their_own(project: Path) -> None:
    """Named in `remit.toml`; then all of them."""
    (project / "notify.toml").write_text('default = ["a"]\n[channels]\na = "env:A"\n')
    (project / "remit.toml").write_text('[notify]\nfile = "notify.toml"\n')

    assert load(project).channels_of(["x", "y"]) == ["a"]


def test_a_role_that_nothing_tells_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty list stands for nobody, the default notwithstanding."""
    assert main(["notify", "test", "nobody", "--project", str(project)]) == 2
    assert "NOTIFY-NO-CHANNEL" in "".join(capsys.readouterr())
