"""Tools that plans may name: notes in text files. A function with `@tool` is all it takes.

The types become the tool's schemas, the docstring's first line its description. A write either
names the tool that undoes it or says `irreversible`.
"""

import hashlib
import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from remit.tool.python import StepKeyText, ToolRefusedError, tool

OWNER = "you@notes.example"
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]


class Note(BaseModel):
    """A note as it stands."""

    name: str
    text: str


class Written(BaseModel):
    """What a note was before it was written; `None` when there was none."""

    name: str
    before: str | None


@tool(domain="notes", operation="read", idempotency="natural", owner=OWNER, version="1.0.0")
def read_note(name: Name) -> Note:
    """Read a note."""
    text = _text_of(name)
    if text is None:
        raise ToolRefusedError("NOTE-ABSENT", f"there is no note {name!r}")
    return Note(name=name, text=text)


@tool(
    domain="notes",
    operation="write",
    idempotency="key",
    owner=OWNER,
    version="1.0.0",
    compensation={
        "tool": "notes.restore_note@1",
        "args": {"name": "${args.name}", "text": "${output.before}"},
    },
)
def write_note(step_key: StepKeyText, name: Name, text: Text) -> Written:
    """Write a note, and say what stood there before.

    The step key is the same however often the call is repeated, and so is the answer: what stood
    there before the first of them.
    """
    before = _remembered(step_key, _text_of(name))
    _file(name).write_text(text, encoding="utf-8")
    return Written(name=name, before=before)


@tool(
    domain="notes",
    operation="write",
    idempotency="natural",
    owner=OWNER,
    version="1.0.0",
    irreversible=True,
)
def restore_note(name: Name, text: str | None = None) -> Written:
    """Put a note back to an earlier text; without one, take it away."""
    before = _text_of(name)
    if text is None:
        _file(name).unlink(missing_ok=True)
    else:
        _file(name).write_text(text, encoding="utf-8")
    return Written(name=name, before=before)


def _file(name: str) -> Path:
    folder = Path(os.environ["REMIT_PROJECT"]) / "notes"
    folder.mkdir(exist_ok=True)
    return folder / f"{name}.txt"


def _text_of(name: str) -> str | None:
    try:
        return _file(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _remembered(step_key: str, text: str | None) -> str | None:
    """Keep `text` under the step key at the first call; give back what was kept at later ones."""
    folder = Path(os.environ["REMIT_PROJECT"]) / "notes" / ".before"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / hashlib.sha256(step_key.encode()).hexdigest()
    if not kept.exists():
        beside = kept.with_suffix(".new")
        beside.write_text("" if text is None else f"={text}", encoding="utf-8")
        beside.replace(kept)
    found = kept.read_text(encoding="utf-8")
    return found[1:] if found else None
