"""The file that an import writes: JSON below two lines of comment, which is YAML, and fast to read.

It says where the tools are from, the digest of that document, and the digest of what stands in the
file itself: whoever edits it by hand is told before the next import would take the edit away. What
a project changes belongs into the file of overrides beside it, which no import touches.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import JSON, JSONObject, digest
from remit.cli.errors import CliError, ExitCode, Finding, usage
from remit.stores.tool_files import MAX_TOOLS_BYTES, OVERRIDES
from remit.tool.document import DocumentError, parse_yaml
from remit.tool.imported import Imported

_WIDTH = 100
_HIDDEN = re.compile(
    "[\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff\ud800-\udfff]"
)
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Standing:
    """A file of imported tools, as it stands."""

    body: JSONObject
    """Its `defaults`, `schemas` and `tools`."""
    is_edited: bool
    """Whether it is not what the import wrote."""
    options: JSONObject
    """What was typed when it was imported; it holds until something else is."""


def place_of(folder: Path, into: Path | None, domain: str) -> Path:
    """Return the file that tools are imported into: one of the project's `tools`.

    Raises:
        CliError: `into` stands elsewhere, or is no name of such a file.
    """
    tools = folder / "tools"
    file = tools / f"{domain}.yaml" if into is None else into
    if not file.is_absolute():
        file = folder / file if file.parts[:1] == ("tools",) else Path.cwd() / file
    is_plain = file.suffix in _SUFFIXES and not file.name.startswith((".", "_"))
    if file.parent.resolve() != tools.resolve() or file.is_symlink() or not is_plain:
        message = f"tools are not imported into {file.name!r}: it is no YAML file of {folder.name}"
        raise usage("IMPORT-PLACE", message, "--into tools/NAME.yaml, inside the project")
    if file.stem.endswith(OVERRIDES):
        hint = "what stands there is yours; name the file that it is laid over"
        raise usage("IMPORT-PLACE", f"{file.name!r} holds overrides", hint)
    return tools / file.name


def standing(file: Path, by: str) -> Standing | None:
    """Return what was imported into `file` before, if anything.

    Raises:
        CliError: the file holds something else.
    """
    if not file.exists():
        return None
    try:
        with file.open("rb") as opened:
            found = parse_yaml(opened.read(MAX_TOOLS_BYTES + 1))
    except (OSError, DocumentError) as error:
        raise _taken(file, f"it cannot be read: {error}") from error
    body = dict(found[0]) if len(found) == 1 and isinstance(found[0], dict) else {}
    told = body.pop("imported", None)
    if not isinstance(told, dict) or told.get("by") != by or "tools" not in body:
        raise _taken(file, f"it was not written by `remit tools import {by}`")
    options = told.get("options")
    is_edited = digest(body) != told.get("content")
    return Standing(body, is_edited, options if isinstance(options, dict) else {})


def edited(file: Path) -> CliError:
    """Return the refusal to write over somebody's edits."""
    overrides = f"{file.stem}{OVERRIDES}{file.suffix}"
    message = f"{file.name} was edited by hand; importing again would take that away"
    hint = f"put the changes into {overrides}, then import with --discard-edits"
    return CliError([Finding("IMPORT-EDITED", message, hint)], ExitCode.FINDINGS)


def written(file: Path, made: Imported, body: JSONObject) -> bytes:
    """Return the content of the file."""
    told = {name: text for name, text in made.about.items() if text}
    left: JSONObject = {each.path or "/": each.code for each in made.left_out}
    imported: JSONObject = {
        "by": made.by,
        "from": made.source,
        "document": made.document,
        "content": digest(body),
        **told,
    }
    if made.options:
        imported["options"] = made.options
    if left:
        imported["left_out"] = left
    overrides = f"{file.stem}{OVERRIDES}{file.suffix}"
    head = (
        f"# Written by `remit tools import {made.by}`; import again to follow the service.\n"
        f"# Your own changes belong into {overrides}, which is laid over this file.\n"
    )
    whole: JSONObject = {"imported": imported, **body}
    return (head + _shown(whole, 0) + "\n").encode()


def _shown(value: JSON, depth: int) -> str:
    """Return JSON with as much on one line as fits, so that a change is a change of few lines."""
    flat = _flat(value)
    is_short = len(flat) + 2 * depth <= _WIDTH
    if not value or not isinstance(value, dict | list) or (is_short and depth > 1):
        return flat
    inside, end = "  " * (depth + 1), "  " * depth
    if isinstance(value, list):
        parts = [inside + _shown(part, depth + 1) for part in value]
        return "[\n" + ",\n".join(parts) + f"\n{end}]"
    parts = [f"{inside}{_flat(name)}: {_shown(part, depth + 1)}" for name, part in value.items()]
    return "{\n" + ",\n".join(parts) + f"\n{end}}}"


def _flat(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _taken(file: Path, why: str) -> CliError:
    hint = "name another file with --into, or move this one away"
    return usage("IMPORT-TAKEN", f"{file.name} is not written over: {why}", hint)
