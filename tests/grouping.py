"""Tests that share a stack run on one worker, so that no stack is started twice; they go first.

`--dist loadgroup` does the first by itself, but with pytest 9.2 pytest-xdist 3.8 silently
distributes as if the mark were not there (pytest-dev/pytest-xdist issue 1386). So the group is read
from the file: a module with `pytest.mark.xdist_group("name")` belongs to it as a whole. Every other
module is a group of its own, so that what a module sets up is set up once.

Groups with a name are long and mostly wait for a stack: begun last, they would run alone in the
end, with nothing to use the cores that they leave free. The others fill those, smallest last.

A stack that only stands takes about a sixth of a core, so it stops behind its group's last test.
"""

import re
from functools import cache
from pathlib import Path
from typing import Protocol

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling
from xdist.workermanage import WorkerController

_GROUP = re.compile(r'xdist_group\("(\w+)"\)')


class Stack(Protocol):
    """What a group's tests share."""

    def up(self) -> None:
        """Bring it up, if it is not."""

    def down(self) -> None:
        """Stop it."""


STACKS: dict[str, Stack] = {}
"""Stacks of this process, by the fixture of the session that brought each up."""
_STOPPED: set[str] = set()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Function) -> None:
    """Bring a stack up again that a test wants after all."""
    for name in _STOPPED.intersection(item.fixturenames):
        STACKS[name].up()
        _STOPPED.remove(name)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Function, nextitem: pytest.Function | None) -> None:
    """Stop behind a group what the next test does not need; only where groups stay together."""
    if nextitem is None or not hasattr(item.config, "workerinput"):
        return
    if _group_of(item.path) in ("", _group_of(nextitem.path)):
        return
    for name in STACKS.keys() - _STOPPED - set(nextitem.fixturenames):
        STACKS[name].down()
        _STOPPED.add(name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Take `StackScheduling` for `--dist loadgroup`."""
    return StackScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


class StackScheduling(LoadScopeScheduling):
    """Hands out whole groups, those with a name before the others."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _group_of(self.config.rootpath / file) or file

    def _assign_work_unit(self, node: WorkerController) -> None:
        named = next((scope for scope in self.workqueue if not scope.endswith(".py")), None)
        if named is not None:
            self.workqueue.move_to_end(named, last=False)
        super()._assign_work_unit(node)


@cache
def _group_of(file: Path) -> str:
    found = _GROUP.search(file.read_text())
    return found[1] if found else ""
