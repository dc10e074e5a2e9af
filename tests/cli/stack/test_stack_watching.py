"""Watched policies are read when they changed, whatever the change, and not when they did not."""

import os
import time
from pathlib import Path

import pytest

from remit.cli.stack.errors import PolicyError
from remit.cli.stack.sources import PolicyRoot
from remit.cli.stack.watching import WatchedSources

MINUTE_NS = 60_000_000_000


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    """A rule below a project's folder."""
    rule = tmp_path / "project" / "rules" / "a.rego"
    rule.parent.mkdir(parents=True)
    rule.write_text("package a")
    return rule


def watched(rule: Path, *, ahead_ns: int = MINUTE_NS) -> WatchedSources:
    """Watch the folder, with a clock that is `ahead_ns` ahead of that of the files."""
    root = PolicyRoot("project", rule.parents[1])
    return WatchedSources([root], lambda: time.time_ns() + ahead_ns)


def test_what_did_not_change_is_read_once(rule: Path) -> None:
    """The same value comes back, which is how one sees that nothing was read."""
    sources = watched(rule)

    assert sources.read() is sources.read()


def test_a_change_that_hides_is_seen(rule: Path) -> None:
    """Neither the size nor the moment of the last edit gives this one away."""
    sources, before = watched(rule), rule.stat()
    assert [file.content for file in sources.read().files] == [b"package a"]

    rule.write_text("package b")
    os.utime(rule, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert [file.content for file in sources.read().files] == [b"package b"]


def test_files_that_come_and_go_are_seen(rule: Path) -> None:
    """Also hidden by a rename, which changes neither content nor edit."""
    sources = watched(rule)
    sources.read()

    rule.with_name("b.rego").write_text("package b")
    assert len(sources.read().files) == 2

    rule.rename(rule.with_name(".a.rego"))
    assert [file.path.name for file in sources.read().files] == ["b.rego"]


@pytest.mark.parametrize("ahead_ns", [0, -MINUTE_NS])
def test_what_changed_a_moment_ago_is_read_again(rule: Path, ahead_ns: int) -> None:
    """A second edit in the same tick looks like the first; so does one of a clock that lags."""
    sources = watched(rule, ahead_ns=ahead_ns)

    first, second = sources.read(), sources.read()

    assert first is not second
    assert first == second


def test_a_folder_that_is_not_there_is_empty_until_it_is(tmp_path: Path) -> None:
    """As where a project has no policies yet."""
    rule = tmp_path / "project" / "rules" / "a.rego"
    sources = watched(rule)
    assert sources.read().files == ()

    rule.parent.mkdir(parents=True)
    rule.write_text("package a")

    assert len(sources.read().files) == 1


def test_a_file_that_leads_nowhere_is_told_each_time(rule: Path) -> None:
    """And the folder is read as soon as it can be."""
    sources = watched(rule)
    astray = rule.with_name("b.rego")
    astray.symlink_to(rule.with_name("absent.rego"))
    for _ in range(2):
        with pytest.raises(PolicyError) as caught:
            sources.read()
        assert caught.value.diagnostic.code == "POLICY-UNREADABLE"

    astray.unlink()

    assert len(sources.read().files) == 1
