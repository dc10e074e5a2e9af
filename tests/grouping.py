"""Tests that share a stack run on one worker, so that no stack is started twice; they go first.

`--dist loadgroup` does the first by itself, but with pytest 9.2 pytest-xdist 3.8 silently
distributes as if the mark were not there (pytest-dev/pytest-xdist issue 1386). So the group is read
from the file: a module with `pytest.mark.xdist_group("name")` belongs to it as a whole. Every other
module is a group of its own, so that what a module sets up is set up once.

Groups with a name are long and mostly wait for a stack: begun last, they would run alone in the
end, with nothing to use the cores that they leave free. The others fill those, smallest last.
"""

import re
from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling
from xdist.workermanage import WorkerController

_GROUP = re.compile(r'xdist_group\("(\w+)"\)')


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
