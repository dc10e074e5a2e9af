"""What Remit says about bad input: stable codes, exact paths, and a way out.

The same form serves the CLI, admission, a planner's retries and failures at run time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from remit.canonical import JSONObject


@dataclass(frozen=True, slots=True)
class Repair:
    """A hint in a form that a program reads; every part may be empty."""

    found: str = ""
    """The word that is wrong: the value at the path, a part of it, or the path's last name."""
    did_you_mean: str = ""
    """What was probably meant in its place."""
    allowed: tuple[str, ...] = ()
    """Everything that may stand in its place, at most `MOST_ALLOWED`."""
    expected: JSONObject = field(default_factory=dict)
    """JSON Schema of what must stand at the path."""

    @property
    def hint(self) -> str:
        """Return `did you mean …?` for people, or an empty text."""
        return f"did you mean {self.did_you_mean!r}?" if self.did_you_mean else ""


NO_REPAIR = Repair()
MOST_ALLOWED = 50
"""More than this many names are not listed: the list would not be a hint any more."""


def _is_empty(value: Any) -> bool:
    return not value


class Diagnostic(BaseModel):
    """One finding about a document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    """Stable, e.g. `PLAN-CYCLE`; each has a paragraph in the reference."""
    path: str
    """JSON pointer (RFC 6901) into the document; empty for the whole of it."""
    message: str
    """What is wrong, naming the thing."""
    hint: str = ""
    """What to do about it."""
    found: str = Field(default="", exclude_if=_is_empty)
    """The word that is wrong; this and what follows say the hint to a program (`Repair`)."""
    did_you_mean: str = Field(default="", exclude_if=_is_empty)
    allowed: tuple[str, ...] = Field(default=(), exclude_if=_is_empty)
    expected: JSONObject = Field(default_factory=dict, exclude_if=_is_empty)


class InvalidDocumentError(ValueError):
    """A document has findings; all of them are in `diagnostics`."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        lines = [f"{d.code} at {d.path or '/'}: {d.message}" for d in self.diagnostics[:5]]
        more = len(self.diagnostics) - len(lines)
        super().__init__("; ".join(lines) + (f"; and {more} more" if more > 0 else ""))


def pointer(*parts: str | int) -> str:
    """Return the JSON pointer of `parts`, escaped."""
    return "".join(f"/{escaped(str(part))}" for part in parts)


def escaped(name: str) -> str:
    """Return one name as it stands in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
