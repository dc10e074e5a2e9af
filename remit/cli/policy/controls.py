"""Controls, owners and concerns as data: what the labels of the rules are held against."""

import tomllib
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

CONTROLS = "controls.toml"
OWNERS = "OWNERS"

Concern = Literal["governance", "risk", "privacy", "security", "safety", "regulatory", "operations"]
_Words = Annotated[str, Field(min_length=10, max_length=200)]


class Control(BaseModel):
    """What is asked for, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    concern: Concern
    requirement: _Words
    risk: _Words
    """What happens without it."""
    owner: Annotated[str, Field(min_length=1)]
    next_review: date


_CONTROLS = TypeAdapter(dict[str, Control])


def read_controls(core: Path) -> dict[str, Control]:
    """Read the controls that stand beside the core's rules.

    Raises:
        ValueError: the file is not of their form.
        OSError: it cannot be read.
    """
    text = (core / CONTROLS).read_text(encoding="utf-8")
    return _CONTROLS.validate_python(tomllib.loads(text))


class Owners:
    """Who answers for which file; the last pattern that fits holds."""

    def __init__(self, text: str) -> None:
        lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
        self._patterns = [(line[0], frozenset(line[1:])) for line in lines if line]

    def of(self, path: PurePosixPath) -> frozenset[str]:
        """Return the owners of a file; nobody's if no pattern fits."""
        found: frozenset[str] = frozenset()
        for pattern, owners in self._patterns:
            if fnmatchcase(str(path), pattern):
                found = owners
        return found
