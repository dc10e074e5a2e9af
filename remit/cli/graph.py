"""`remit graph`: a plan's task graph as Mermaid text or as a picture."""

from dataclasses import dataclass
from pathlib import Path

from remit.cli.compiling import Workshop, compiled_file, near
from remit.cli.errors import ExitCode, usage
from remit.cli.output import answer, raw
from remit.cli.place import find_project
from remit.plan.compiler import Compilation
from remit.plan.graphic.mermaid import mermaid
from remit.plan.graphic.picture import Picture, picture
from remit.plan.graphic.svg import svg

_FORMATS = {"mermaid": mermaid, "svg": svg}


@dataclass(frozen=True, slots=True)
class Drawing:
    """What to draw, and where to."""

    file: str
    format: str
    """`mermaid` or `svg`."""
    output: Path | None
    """Where it is written; `None` for stdout."""
    is_part: bool
    """Whether it is a sub-plan, which is given its inputs elsewhere."""


def graph(wanted: Drawing, project: Path | None, *, as_json: bool) -> int:
    """Draw a plan."""
    workshop = Workshop.of(find_project(project, near=near(wanted.file)))
    drawn = _picture(compiled_file(wanted.file, workshop, as_part=wanted.is_part))
    text = _FORMATS[wanted.format](drawn)
    output = wanted.output
    if output is not None:
        _write(output, text + "\n")
    document = {
        "ok": True,
        "format": wanted.format,
        "file": str(output) if output else None,
        "graph": None if output else text,
        "nodes": len(drawn.nodes),
        "edges": len(drawn.edges),
    }
    if as_json or output is not None:
        answer(document, [f"{output}: {len(drawn.nodes)} steps"], as_json=as_json)
    else:
        raw(text)
    return ExitCode.OK


def _picture(compilation: Compilation) -> Picture:
    if compilation.compiled is None:
        raise usage("PLAN-INVALID", "this is not a plan")
    return picture(compilation.compiled, compilation.contracts)


def _write(output: Path, text: str) -> None:
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{str(output)!r} cannot be written: {error.strerror}"
        raise usage("FILE-UNWRITABLE", message, "name a file in a folder of yours") from error
