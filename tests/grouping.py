"""Tests that share a stack run on one worker, so that no stack is started twice.

`--dist loadgroup` does that by itself, but with pytest 9.2 pytest-xdist 3.8 silently distributes
as if the mark were not there (pytest-dev/pytest-xdist issue 1386). So the group is read from the
file: a module with `pytest.mark.xdist_group("name")` belongs to it as a whole.
"""

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

_GROUP = re.compile(r'xdist_group\("(\w+)"\)')


class StackScheduling(LoadScopeScheduling):
    """Hands out whole groups; tests without a group go one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return _group_of(self.config.rootpath / nodeid.partition("::")[0]) or nodeid


@cache
def _group_of(file: Path) -> str:
    found = _GROUP.search(file.read_text())
    return found[1] if found else ""
