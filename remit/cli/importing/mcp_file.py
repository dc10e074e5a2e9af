"""Writing imported contracts to a file that people read, and showing what a new import changes.

What the server says (texts, schemas, pins) is taken from the import; everything else in the file is
the operator's, and stays. Nothing is written over that was not shown.
"""

import difflib
from pathlib import Path

import yaml

from remit.canonical import JSON, JSONObject
from remit.cli.errors import usage
from remit.tool.document import DocumentError, parse_yaml

_SAID = ("description", "input_schema", "output_schema")
_SAID_OF_CALL = ("tool", "schema_sha256")


class _Plain(yaml.SafeDumper):
    """Writes every value out; readers of contracts take no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        """Never refer back."""
        return True


def rendered(header: list[str], body: JSONObject) -> str:
    """Return a file of contracts: comments that say where it is from, and YAML."""
    comments = "".join(f"# {' '.join(line.split())}".rstrip() + "\n" for line in header)
    text = yaml.dump(body, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=96)
    return comments + text


def held(file: Path) -> JSONObject | None:
    """Return what `file` holds; `None` when there is none.

    Raises:
        CliError: it is no file of contracts.
    """
    try:
        documents = parse_yaml(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, DocumentError) as error:
        raise _unusable(file, str(error)) from error
    body = documents[0] if len(documents) == 1 else None
    if isinstance(body, dict) and isinstance(body.get("tools"), list) and "defaults" in body:
        return body
    raise _unusable(file, "it holds no `defaults` and `tools`")


def merged(fresh: JSONObject, old: JSONObject | None) -> JSONObject:
    """Return a new import with what the operator wrote into the old one."""
    if old is None:
        return fresh
    before = {_key(tool): tool for tool in _tools(old)}
    tools: list[JSON] = []
    for tool in _tools(fresh):
        kept = before.get(_key(tool))
        tools.append(tool if kept is None else _joined(tool, kept))
    own = old["defaults"] if isinstance(old["defaults"], dict) else {}
    new = fresh["defaults"] if isinstance(fresh["defaults"], dict) else {}
    return {"defaults": {**own, "call": new.get("call", {})}, "tools": tools}


def difference(file: Path, old: JSONObject | None, new: JSONObject) -> list[str]:
    """Return the lines by which a new import differs from what the file holds."""
    if old is None:
        return []
    before, after = (rendered([], body).splitlines() for body in (old, new))
    named = f"{file.name} as it is", f"{file.name} as imported now"
    return list(difflib.unified_diff(before, after, *named, n=2, lineterm=""))


def _joined(tool: JSONObject, kept: JSONObject) -> JSONObject:
    made = {**kept, **{name: tool[name] for name in _SAID}}
    call, own = tool["call"], kept.get("call")
    if isinstance(call, dict) and isinstance(own, dict):
        made["call"] = {**own, **{name: call[name] for name in _SAID_OF_CALL}}
    return made


def _tools(body: JSONObject) -> list[JSONObject]:
    tools = body.get("tools")
    return [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []


def _key(tool: JSONObject) -> str:
    call = tool.get("call")
    return str(call.get("tool")) if isinstance(call, dict) else ""


def _unusable(file: Path, why: str) -> Exception:
    hint = "name another file with --into"
    return usage("IMPORT-FILE", f"{str(file)!r} is no file of imported tools: {why}", hint)
