"""Collecting everything that is wrong with a plan: all at once, sorted, bounded.

The same plan gives the same findings in the same order in every process.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from remit.diagnostic import MOST_ALLOWED, NO_REPAIR, Diagnostic, Repair, pointer
from remit.plan.codes import Code

Place = tuple[str | int, ...]
"""Where in a document: names and indexes from its top. A pointer is made of it when needed."""
MAX_FINDINGS = 200
"""Most diagnostics that one answer carries."""
_KEPT = 5 * MAX_FINDINGS
_MAX_NAMES = 400
_MAX_EXPECTED = 4000


class Findings:
    """What the checks of one plan have found so far."""

    def __init__(self) -> None:
        self._errors: list[Diagnostic] = []
        self._warnings: list[Diagnostic] = []
        self._dropped = 0

    def error(
        self,
        code: Code,
        place: Place,
        message: str,
        hint: str = "",
        repair: Repair = NO_REPAIR,
    ) -> None:
        """Record that the plan must not run; `repair` says the hint to a program."""
        if len(self._errors) >= _KEPT:
            self._dropped += 1
            return
        self._errors.append(_diagnostic(code, place, message, hint, repair))

    def warn(self, code: Code, place: Place, message: str, hint: str = "") -> None:
        """Record something that is allowed but worth a look."""
        if len(self._warnings) < _KEPT:
            self._warnings.append(_diagnostic(code, place, message, hint, NO_REPAIR))

    def take(self, others: Iterable[Diagnostic], place: Place, where: str = "") -> None:
        """Record errors that were found in another document, at the place that leads there."""
        for other in others:
            there = f" (there at {other.path})" if other.path else ""
            self.error(Code(other.code), place, f"{where}{other.message}{there}", other.hint)

    @property
    def is_empty(self) -> bool:
        """Whether nothing keeps the plan from running."""
        return not self._errors

    @property
    def is_full(self) -> bool:
        """Whether more errors would only be counted; costly hints are not worth it then."""
        return len(self._errors) >= MAX_FINDINGS

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """At most `MAX_FINDINGS` errors, by place; the last says how many were left out."""
        return _bounded(self._errors, self._dropped)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """At most `MAX_FINDINGS` warnings, by place."""
        return _bounded(self._warnings, 0)

    def name_repair(self, word: str, names: Iterable[str]) -> Repair:
        """Return what a program needs to put another of `names` in the place of `word`."""
        return NO_REPAIR if self.is_full else name_repair(word, names)


def _diagnostic(code: Code, place: Place, message: str, hint: str, repair: Repair) -> Diagnostic:
    path = pointer(*place).encode("utf-8", "backslashreplace").decode()
    return Diagnostic(
        code=code,
        path=path,
        message=message,
        hint=hint,
        found=repair.found,
        did_you_mean=repair.did_you_mean,
        allowed=repair.allowed,
        expected=repair.expected if len(str(repair.expected)) <= _MAX_EXPECTED else {},
    )


def name_repair(word: str, names: Iterable[str]) -> Repair:
    """Return what a program needs to put another of `names` in the place of `word`."""
    known = sorted(set(names))
    allowed = tuple(known) if len(known) <= MOST_ALLOWED else ()
    return Repair(word, _closest(word, known), allowed)


def _closest(word: str, names: Sequence[str]) -> str:
    """Return the one of `names` that `word` was probably meant to be, or an empty text."""
    close = [name for name in names if abs(len(name) - len(word)) <= 3]
    if len(close) > _MAX_NAMES:
        close = [name for name in close if name[:1] == word[:1]][:_MAX_NAMES]
    found = get_close_matches(word, close, n=1, cutoff=0.7)
    return found[0] if found else ""


def _bounded(found: list[Diagnostic], dropped: int) -> tuple[Diagnostic, ...]:
    # Not a set: what is expected is a schema, which has no hash.
    single = {(one.code, one.path, one.message, one.hint): one for one in found}
    ordered = sorted(single.values(), key=_order)
    if len(ordered) + dropped <= MAX_FINDINGS:
        return tuple(ordered)
    shown = ordered[: MAX_FINDINGS - 1]
    rest = len(ordered) - len(shown) + dropped
    more = Diagnostic(
        code=Code.MORE,
        path="",
        message=f"{rest} more findings are not shown",
        hint="put these right first, then check again",
    )
    return (*shown, more)


def _order(found: Diagnostic) -> tuple[list[tuple[int, int, str]], str, str, str]:
    """Return what findings are sorted by: place in the document, with steps in number order."""
    parts = [
        (0, int(part), "") if re.fullmatch(r"\d{1,9}", part) else (1, 0, part)
        for part in found.path.split("/")[1:]
    ]
    return parts, found.code, found.message, found.hint
