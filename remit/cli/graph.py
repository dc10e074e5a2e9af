"""`remit graph`: a plan's task graph as Mermaid text or as a picture."""

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


def graph(
    file: str, format: str, output: Path | None, project: Path | None, *, as_json: bool
) -> int:
    """Draw the plan in `file` to stdout or to `output`."""
    workshop = Workshop.of(find_project(project, near=near(file)))
    drawn = _picture(compiled_file(file, workshop))
    text = _FORMATS[format](drawn)
    if output is not None:
        _write(output, text + "\n")
    document = {
        "ok": True,
        "format": format,
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
