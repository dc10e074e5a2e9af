"""What changed between two imports, tool by tool, and whether it breaks whoever uses the tool.

A change breaks when a call that was right may be refused now, when an answer may hold what it did
not, or when the tool does something else. What cannot be shown to be harmless counts as breaking. A
tool that breaks gets a new major, so that no plan goes on with it unawares; another change gets a
new minor version, one of words a patch.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from remit.canonical import JSON, JSONObject
from remit.diagnostic import pointer
from remit.tool.within import Comparison
from remit.tool.written import contracts_in

Size = Literal["breaking", "change", "words"]

_TIED = ("operation", "idempotency", "domain", "irreversible", "cost", "resource", "probe")
"""Fields whose change is another tool's behaviour."""
_REFERRING = ("compensation", "read_back", "probe")
_MAX_LINES = 12
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one tool."""

    name: str
    kind: Literal["added", "removed", "changed"]
    size: Size
    before: str
    """Its version before; empty when it was not there."""
    after: str
    lines: tuple[str, ...]
    """Each a pointer into the contract and what is different there."""

    @property
    def is_breaking(self) -> bool:
        """Whether whoever uses the tool must look."""
        return self.kind == "removed" or self.size == "breaking"


def follow(old: JSONObject, new: JSONObject) -> tuple[JSONObject, list[Change]]:
    """Return `new` with the versions that follow from `old`, and what changed."""
    before, after = _by_name(old), _by_name(new)
    sizes = {name: _size(before[name], after[name]) for name in after.keys() & before.keys()}
    versions = {
        name: _next(_version(before[name]), sizes[name]) if name in sizes else "1.0.0"
        for name in after
    }
    majors = {name: int(version.split(".")[0]) for name, version in versions.items()}
    for name in sizes:
        refers = [other for other in _refers(after[name]) if other in sizes]
        moved = any(majors[other] != _major(before[other]) for other in refers)
        if moved and sizes[name] in (None, "words"):
            sizes[name] = "change"
            versions[name] = _next(_version(before[name]), "change")
    body = _versioned(new, versions, majors)
    return body, list(_changes(before, _by_name(body), sizes))


def _changes(
    before: Mapping[str, JSONObject],
    after: Mapping[str, JSONObject],
    sizes: Mapping[str, Size | None],
) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield Change(name, "removed", "breaking", _version(before[name]), "", ())
        elif name not in before:
            yield Change(name, "added", "change", "", _version(after[name]), ())
        elif (size := sizes[name]) is not None:
            lines = list(_lines(before[name], after[name]))
            if len(lines) > _MAX_LINES:
                lines = [*lines[:_MAX_LINES], f"and {len(lines) - _MAX_LINES} more places"]
            versions = (_version(before[name]), _version(after[name]))
            yield Change(name, "changed", size, *versions, tuple(lines))


def _size(old: JSONObject, new: JSONObject) -> Size | None:
    fields = {name for name in old.keys() | new.keys() if _plain(old, name) != _plain(new, name)}
    fields.discard("description")
    if not fields and old.get("description") != new.get("description"):
        return "words"
    if not fields:
        return None
    if all(_wordless(_plain(old, name)) == _wordless(_plain(new, name)) for name in fields):
        return "words"
    if fields & set(_TIED) or breaks(old, new):
        return "breaking"
    if "compensation" in fields and "compensation" not in new:
        return "breaking"
    return "change"


def breaks(old: JSONObject, new: JSONObject) -> list[str]:
    """Return the places of the schemas that a caller of `old` must look at; empty for none."""
    taken = Comparison(_schema(old, "input_schema"), _schema(new, "input_schema")).differences()
    told = Comparison(_schema(new, "output_schema"), _schema(old, "output_schema")).differences()
    return [*(f"/input_schema{place}" for place in taken), *(f"/output_schema{x}" for x in told)]


def _lines(old: JSONObject, new: JSONObject) -> Iterator[str]:
    for place in breaks(old, new):
        yield f"{place}: may break"
    yield from _differing(_without_version(old), _without_version(new), ())


def _differing(old: object, new: object, path: tuple[str, ...]) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            one, other = old.get(name, _ABSENT), new.get(name, _ABSENT)
            yield from _differing(one, other, (*path, str(name)))
        return
    yield f"{pointer(*path)}: {_told(old)} → {_told(new)}"


def _told(value: object) -> str:
    text = "nothing" if value is _ABSENT else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _by_name(body: JSONObject) -> dict[str, JSONObject]:
    found = (each.document for each in contracts_in(body))
    return {str(tool["name"]): tool for tool in found if isinstance(tool, dict) and "name" in tool}


def _plain(tool: JSONObject, field: str) -> object:
    """Return a field without what follows from versions alone."""
    value = tool.get(field, _ABSENT)
    if field == "version":
        return None
    if field in _REFERRING and isinstance(value, dict):
        return {**value, "tool": str(value.get("tool")).rpartition("@")[0]}
    return value


def _wordless(value: object) -> object:
    """Return a field without what is only said: descriptions, wherever they stand."""
    match value:
        case str():
            return value
        case list():
            return [_wordless(part) for part in value]
        case dict():
            kept = (
                (k, v) for k, v in value.items() if k != "description" or not isinstance(v, str)
            )
            return {name: _wordless(part) for name, part in kept}
    return value


def _refers(tool: JSONObject) -> list[str]:
    held = (tool.get(field) for field in _REFERRING)
    return [str(each.get("tool")).rpartition("@")[0] for each in held if isinstance(each, dict)]


def _versioned(
    body: JSONObject, versions: Mapping[str, str], majors: Mapping[str, int]
) -> JSONObject:
    listed = body["tools"]
    tools: list[JSON] = []
    for tool in listed if isinstance(listed, list) else []:
        made = dict(tool) if isinstance(tool, dict) else {}
        version = versions[str(made["name"])]
        if version != "1.0.0":
            made = {"name": made["name"], "version": version, **made}
        for field in _REFERRING:
            held = made.get(field)
            if isinstance(held, dict):
                name = str(held.get("tool")).rpartition("@")[0]
                made[field] = {**held, "tool": f"{name}@{majors.get(name, 1)}"}
        tools.append(made)
    return {**body, "tools": tools}


def _next(version: str, size: Size | None) -> str:
    major, minor, patch = (int(part) for part in version.split("."))
    match size:
        case "breaking":
            return f"{major + 1}.0.0"
        case "change":
            return f"{major}.{minor + 1}.0"
        case "words":
            return f"{major}.{minor}.{patch + 1}"
    return version


def _version(tool: JSONObject) -> str:
    return str(tool.get("version", "1.0.0"))


def _major(tool: JSONObject) -> int:
    return int(_version(tool).split(".")[0])


def _schema(tool: JSONObject, field: str) -> JSONObject:
    schema = tool.get(field)
    return schema if isinstance(schema, dict) else {}


def _without_version(tool: JSONObject) -> JSONObject:
    return {name: value for name, value in tool.items() if name != "version"}
