"""What Remit says about bad input: stable codes, exact paths, and a way out.

The same form serves the CLI, admission, a planner's retries and failures at run time.
"""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict


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


class InvalidDocumentError(ValueError):
    """A document has findings; all of them are in `diagnostics`."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        lines = [f"{d.code} at {d.path or '/'}: {d.message}" for d in self.diagnostics[:5]]
        more = len(self.diagnostics) - len(lines)
        super().__init__("; ".join(lines) + (f"; and {more} more" if more > 0 else ""))


def pointer(*parts: str | int) -> str:
    """Return the JSON pointer of `parts`, escaped."""
    return "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in parts)
