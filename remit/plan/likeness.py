"""Expressions that differ only in which of several alike steps they name.

Large plans say the same of many steps: `steps.a.output.n > 0`, `steps.b.output.n > 0`. Where the
outputs of `a` and `b` have one type, the engine cannot tell these texts apart, and checking the
first of them checks all. Here the steps of a text are replaced by the first of their kind, which
gives such texts one *likeness*, itself an expression of the same plan.

A text is only read as far as is sure without parsing it: every `steps` in it stands outside of
strings and comments, begins a name, and goes on as `steps.<id>.output`. Of others there is no
likeness, and they are checked each by itself.
"""

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from remit.plan.proto import is_readable

_UNSURE = re.compile(r"""\\|//|`|'''|\"{3}""")
"""What strings with escapes or several lines, comments and quoted names cannot do without."""
_TOKEN = re.compile(
    r"""'[^'\n]*'|"[^"\n]*"|\.\s*\w+|\bsteps\.(?P<step>[A-Za-z_]\w*)\.output\b""", re.ASCII
)
"""A string, a member of something, or an output that is read."""


@dataclass(frozen=True, slots=True)
class Like:
    """What an expression has in common with others."""

    source: str
    """The expression with the first steps of their kinds."""
    meant: Mapping[str, str]
    """For each step in `source`, the one that the expression names."""


class Likeness:
    """Finds what the expressions of one plan have in common."""

    def __init__(self, kinds: Mapping[str, Hashable]) -> None:
        """Take the type of the output of each step."""
        self._kinds = kinds
        self._of_kind: dict[Hashable, list[str]] = {}
        for step, kind in kinds.items():
            if is_readable(step):
                self._of_kind.setdefault(kind, []).append(step)

    def of(self, source: str) -> Like | None:
        """Return the likeness of an expression; `None` where it is not sure that there is one."""
        if _UNSURE.search(source):
            return None
        parts: list[str] = []
        first: dict[str, str] = {}
        end, named = 0, 0
        for token in _TOKEN.finditer(source):
            step = token["step"]
            if step is None:
                continue
            if step not in first and not self._add(step, first):
                return None
            parts += source[end : token.start("step")], first[step]
            end, named = token.end("step"), named + 1
        if named == 0 or source.count("steps") != named:
            return None
        return Like("".join([*parts, source[end:]]), {like: step for step, like in first.items()})

    def _add(self, step: str, first: dict[str, str]) -> bool:
        """Add to `first` the first step like `step` that is not in it; say if there is one."""
        if not is_readable(step) or step not in self._kinds:
            return False
        kind = self._kinds[step]
        count = sum(self._kinds[other] == kind for other in first)
        first[step] = self._of_kind[kind][count]
        return True
