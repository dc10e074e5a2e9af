"""Writing imported tools down: compared with what stands there, checked with the whole project.

Nothing is written before everything is known to load, and then in one move.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import JSONObject
from remit.cli.compiling import findings_of
from remit.cli.errors import ExitCode, usage
from remit.cli.importing.difference import Change, follow
from remit.cli.importing.file import Standing, edited, written
from remit.cli.output import answer, documented, shown
from remit.diagnostic import Diagnostic
from remit.stores.atomic import write_atomically
from remit.stores.project import check_tools
from remit.tool.imported import Imported

_MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class How:
    """What whoever imports says about writing."""

    is_write: bool
    is_discarding: bool
    as_json: bool


def bring_in(folder: Path, file: Path, before: Standing | None, made: Imported, how: How) -> int:
    """Write `made` into `file`, or tell how it differs from what stood there before.

    Raises:
        CliError: the file was edited.
        InvalidDocumentError: the project would have faults with it.
    """
    if before is not None and before.is_edited and not how.is_discarding:
        raise edited(file)
    old: JSONObject = {"tools": []} if before is None else before.body
    body, changes = follow(old, made.body())
    content = written(file, made, body)
    check_tools(folder, {file: content})
    is_same = file.exists() and file.read_bytes() == content
    is_written = not is_same and (before is None or how.is_write)
    if is_written:
        try:
            file.parent.mkdir(exist_ok=True)
            write_atomically(file, content, mode=0o644)
        except OSError as error:
            message = f"{file.name} cannot be written: {error.strerror}"
            raise usage("FILE-UNWRITABLE", message, "see the folder's rights") from error
    _tell(file, made, changes if before is not None else [], (is_same, is_written), how)
    return ExitCode.OK if is_same or is_written else ExitCode.FINDINGS


def _tell(
    file: Path, made: Imported, changes: list[Change], end: tuple[bool, bool], how: How
) -> None:
    is_same, is_written = end
    document = {
        "ok": is_same or is_written,
        "file": f"tools/{file.name}",
        "written": is_written,
        "from": made.source,
        "document": made.document,
        "tools": [str(tool["name"]) for tool in made.tools],
        "changes": [_documented(change) for change in changes],
        "left_out": documented(findings_of(made.left_out)),
        "notes": documented(findings_of(made.notes)),
    }
    lines = [line for change in changes for line in _shown(change)]
    lines += _listed("left out", made.left_out) + _listed("worth a look", made.notes)
    count = f"{len(made.tools)} tools of {made.source}"
    if is_written:
        lines.append(f"{count} written to tools/{file.name}")
    elif is_same:
        lines.append(f"{count} are in tools/{file.name} already; nothing changed")
    else:
        if not changes:
            lines.append("the tools are the same; what is said of where they are from is not")
        lines.append(f"{count} differ from tools/{file.name}; nothing was written")
        lines.append("    → add --write to take this over")
    answer(document, lines, as_json=how.as_json)


def _listed(what: str, found: Sequence[Diagnostic]) -> list[str]:
    if not found:
        return []
    lines = [f"{what} ({len(found)}):", *shown(findings_of(found[:_MAX_SHOWN]))]
    more = len(found) - _MAX_SHOWN
    return [*lines, *([f"    and {more} more; --json lists all"] if more > 0 else []), ""]


def _shown(change: Change) -> list[str]:
    mark = "BREAKING" if change.is_breaking else change.kind
    versions = " → ".join(version for version in (change.before, change.after) if version)
    head = f"{mark:<9} {change.name} {versions}"
    if change.kind == "removed":
        head += ": the service no longer offers it"
    return [head, *(f"    {line}" for line in change.lines)]


def _documented(change: Change) -> dict[str, object]:
    return {
        "tool": change.name,
        "kind": change.kind,
        "breaking": change.is_breaking,
        "before": change.before,
        "after": change.after,
        "places": list(change.lines),
    }
