"""`remit tools docs`: the catalogue as a page for people, written from the contracts alone."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from remit.canonical import JSON, JSONObject, canonical
from remit.cli.compiling import Workshop
from remit.cli.errors import ExitCode
from remit.cli.output import clean, raw
from remit.cli.place import find_project
from remit.tool.contract import ToolContract

_HEAD = """\
# Tools

*Written by `remit tools docs` from the contracts; edit those.* What may be called, what it takes
and gives, and what becomes of it when a later step fails. A plan names a tool by `name@major`.
"""
_LONGEST = 120
_DEEPEST = 2
_FORMING = tuple("#>*-+=~_")
"""What makes a line something else than words when it begins with it."""
_SAYS = ("format", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "maxLength")
_IDEMPOTENT = {
    "key": "takes the step key: sent twice, it happens once",
    "natural": "the same twice is the same once",
    "probe": "a read tells whether it happened",
    "none": "nobody can tell whether a lost call happened",
}


def docs(project: Path | None) -> int:
    """Print the catalogue as Markdown."""
    raw(catalogue_text(Workshop.of(find_project(project)).project.catalogue).rstrip("\n"))
    return ExitCode.OK


def catalogue_text(contracts: Iterable[ToolContract]) -> str:
    """Return the page about `contracts`."""
    listed = sorted(contracts, key=lambda each: (each.domain, each.name, _major(each)))
    majors: dict[str, list[int]] = {}
    for each in listed:
        majors.setdefault(each.name, []).append(_major(each))
    lines = [_HEAD]
    for domain, held in groupby(listed, key=lambda each: each.domain):
        lines.append(f"## {domain}\n")
        for contract in held:
            lines += [*_contract(contract, majors[contract.name]), ""]
    return "\n".join(lines)


def _major(contract: ToolContract) -> int:
    return int(contract.version.split(".", 1)[0])


def _contract(contract: ToolContract, majors: list[int]) -> Iterator[str]:
    yield f"### `{contract.ref}`\n"
    yield f"{_text(contract.description)}\n"
    yield from (f"- {word}: {said}" for word, said in _facts(contract, majors) if said)
    for title, schema in (("Takes", contract.input_schema), ("Gives", contract.output_schema)):
        rows = list(_rows(schema, schema, "", 0))
        yield ""
        if not rows:
            yield f"{title} {_kind(schema, schema)}."
            continue
        yield f"| {title.lower()} | | |"
        yield "|---|---|---|"
        yield from rows


def _facts(contract: ToolContract, majors: list[int]) -> Iterator[tuple[str, str]]:
    yield "version", f"{contract.version}, {contract.operation.value}, kind `{contract.call.kind}`"
    yield "owner", _text(contract.owner)
    newest = majors[-1]
    yield "newer", "" if newest == _major(contract) else f"`{contract.name}@{newest}`"
    cast = contract.upcast
    yield "serves plans for", f"`{contract.name}@{cast.major}`" if cast is not None else ""
    yield "undone by", _undo(contract)
    yield "repeated", _IDEMPOTENT[contract.idempotency.value]
    yield "read back by", f"`{contract.read_back.tool}`" if contract.read_back is not None else ""
    yield "answers", _bounds(contract)
    yield "data", _text(", ".join(contract.data_classes))
    yield "region", _text(contract.region)
    yield "reaches", _text(", ".join(contract.destinations))
    yield "costs", _cost(contract)


def _undo(contract: ToolContract) -> str:
    if not contract.operation.has_effect:
        return ""
    if contract.compensation is not None:
        return f"`{contract.compensation.tool}`"
    return "nothing: a person is asked" if contract.irreversible else "what the plan says"


def _bounds(contract: ToolContract) -> str:
    bounds = contract.quality
    if bounds is None:
        return ""
    fresh = "" if bounds.fresh is None else f"at most {bounds.fresh.max_age_s} s old, "
    then = {"fail": "the step fails", "without": "the run goes on without", "again": "asked again"}
    return f"{fresh}held to bounds of quality; if one is missed, {then[bounds.on_miss]}"


def _cost(contract: ToolContract) -> str:
    cost = contract.cost
    if cost.estimate is not None:
        return f"{cost.estimate.micros / 1_000_000:g} {cost.estimate.currency} a call"
    return f"what the argument `{cost.micros_argument}` says" if cost.micros_argument else ""


def _rows(schema: JSONObject, root: JSONObject, path: str, depth: int) -> Iterator[str]:
    """Yield a row for each member, and for those of objects in it."""
    schema = _entered(schema, root)
    members, required = schema.get("properties"), schema.get("required")
    needed = required if isinstance(required, list) else []
    for name, part in members.items() if isinstance(members, dict) else ():
        if not isinstance(part, dict):
            continue
        shown = f"{path}{name}"
        must = "required" if name in needed else "optional"
        told = _text(str(part.get("description", "")))
        yield f"| `{_cell(shown)}` | {_kind(part, root)}, {must} | {told} |"
        inner = _entered(part, root)
        items = inner.get("items")
        if depth < _DEEPEST:
            yield from _rows(inner, root, f"{shown}.", depth + 1)
            if isinstance(items, dict):
                yield from _rows(items, root, f"{shown}[].", depth + 1)


def _kind(part: JSONObject, root: JSONObject) -> str:
    """Return type, values and bounds of a member, in words."""
    schema = _entered(part, root)
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(values, list):
        said = " or ".join(f"`{_cell(canonical(value).decode())}`" for value in values)
    else:
        said = _types(schema, root)
    bounds = [f"{word} {_plain(schema[word])}" for word in _SAYS if word in schema]
    return ", ".join([said, *bounds, *_means(schema)])


def _means(schema: JSONObject) -> Iterator[str]:
    if "x-unit" in schema:
        yield f"in {_plain(schema['x-unit'])}"
    if "x-currency" in schema:
        said = _plain(schema["x-currency"])
        yield f"currency {said}" if said.isupper() else f"currency in `{said}`"


def _types(schema: JSONObject, root: JSONObject) -> str:
    named = schema.get("type")
    if named is None:
        several = schema.get("anyOf", schema.get("oneOf"))
        parts = several if isinstance(several, list) else []
        kinds = [_types(_entered(part, root), root) for part in parts if isinstance(part, dict)]
        return " or ".join(dict.fromkeys(kinds)) or "anything"
    return " or ".join(str(each) for each in (named if isinstance(named, list) else [named]))


def _entered(schema: JSONObject, root: JSONObject) -> JSONObject:
    for _ in range(_DEEPEST):
        ref, definitions = schema.get("$ref"), root.get("$defs")
        if not isinstance(ref, str) or not isinstance(definitions, dict):
            break
        found = definitions.get(ref.removeprefix("#/$defs/"))
        schema = found if isinstance(found, dict) else {}
    return schema


def _plain(value: JSON) -> str:
    return _cell(value if isinstance(value, str) else canonical(value).decode())


def _text(text: str) -> str:
    """Return somebody else's words as they may stand in Markdown: one line that forms nothing."""
    line = _cell(text).replace("<", "&lt;").replace("[", "\\[").replace("`", "'")
    return f"\\{line}" if line[:1] in _FORMING else line


def _cell(text: str) -> str:
    line = " ".join(clean(text).split()).replace("|", "\\|")
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
