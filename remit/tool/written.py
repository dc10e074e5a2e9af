"""How tool contracts stand in a file: one, a list, or `tools` that share what they have in common.

    defaults:   what each tool takes that it does not say itself; of `call`, member by member
    schemas:    definitions that the tools' schemas refer to as `#/$defs/NAME`; each contract is
                given those that it reaches, so that it stands by itself
    imported:   where `remit tools import` had the tools from; nothing of it is in a contract
    tools:      the contracts

A file of overrides is laid over such a file as a JSON merge patch (RFC 7386): `defaults`, and
`tools` by name. It is how a project changes what was imported without touching it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from remit.canonical import JSON, JSONObject

PARTS = frozenset({"tools", "defaults", "schemas", "imported"})
"""What a file with `tools` may hold."""
_REF = "#/$defs/"

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A contract as a file writes it, whole."""

    place: Place
    document: JSON


def contracts_in(document: JSON, place: Place = ()) -> Iterator[Written]:
    """Yield each contract that `document` writes, with its place in the file."""
    match document:
        case list():
            for index, tool in enumerate(document):
                yield Written((*place, index), tool)
        case dict() if "tools" in document and document.keys() <= PARTS:
            tools, shared = document["tools"], Shared(document.get("schemas", {}))
            for index, tool in enumerate(tools if isinstance(tools, list) else [tools]):
                whole = shared.given_to(_with_defaults(tool, document.get("defaults", {})))
                yield Written((*place, "tools", index), whole)
        case _:
            yield Written(place, document)


def overridden(document: JSON, patch: JSON) -> tuple[JSON, list[str]]:
    """Lay a file of overrides over a file with `tools`.

    Returns:
        The file, and what is wrong with the overrides: each a sentence.
    """
    if not isinstance(patch, dict) or not patch.keys() <= {"defaults", "tools"}:
        return document, ["overrides hold `defaults` and `tools`, nothing else"]
    if not isinstance(document, dict) or not isinstance(document.get("tools"), list):
        return document, ["overrides need a file with a list of `tools` to be laid over"]
    by_name = patch.get("tools", {})
    if not isinstance(by_name, dict):
        return document, ["`tools` of overrides is an object by the tools' names"]
    listed = document["tools"]
    tools = listed if isinstance(listed, list) else []
    names = {tool.get("name") for tool in tools if isinstance(tool, dict)}
    wrong = [f"there is no tool {name!r} to override" for name in by_name if name not in names]
    patched: list[JSON] = [
        _merged(tool, by_name.get(str(tool.get("name")), {})) if isinstance(tool, dict) else tool
        for tool in tools
    ]
    defaults = _merged(document.get("defaults", {}), patch.get("defaults", {}))
    return {**document, "defaults": defaults, "tools": patched}, wrong


class Shared:
    """A file's definitions, and which of them a schema reaches."""

    def __init__(self, schemas: JSON) -> None:
        self._schemas: Mapping[str, JSON] = schemas if isinstance(schemas, dict) else {}
        self._direct: dict[str, frozenset[str]] = {}

    def given_to(self, tool: JSON) -> JSON:
        """Return `tool` with the definitions that its schemas reach."""
        if not self._schemas or not isinstance(tool, dict):
            return tool
        given = dict(tool)
        for field in ("input_schema", "output_schema"):
            schema = tool.get(field)
            if isinstance(schema, dict) and (reached := self.reached(schema)):
                whole = self._entered(schema)
                needed = reached if whole is schema else self.reached(whole)
                given[field] = whole
                if needed:
                    own = whole.get("$defs", {})
                    kept: JSONObject = {name: self._schemas[name] for name in sorted(needed)}
                    given[field] = {**whole, "$defs": kept | (own if isinstance(own, dict) else {})}
        return given

    def _entered(self, schema: JSONObject) -> JSONObject:
        """Return what a schema that is a reference alone refers to, so that members are seen."""
        ref = schema.get("$ref")
        if len(schema) > 1 or not isinstance(ref, str):
            return schema
        found = self._schemas.get(ref.removeprefix(_REF))
        return found if isinstance(found, dict) else schema

    def reached(self, schema: JSON) -> set[str]:
        """Return the names of all definitions that `schema` needs."""
        left, found = set(refers_to(schema)), set[str]()
        while left:
            name = left.pop()
            if name in found or name not in self._schemas:
                continue
            found.add(name)
            if name not in self._direct:
                self._direct[name] = frozenset(refers_to(self._schemas[name]))
            left |= self._direct[name]
        return found


def refers_to(schema: JSON) -> Iterator[str]:
    """Yield the names of the definitions that `schema` itself refers to."""
    left: list[JSON] = [schema]
    while left:
        match left.pop():
            case list() as parts:
                left += parts
            case dict() as members:
                ref = members.get("$ref")
                if isinstance(ref, str) and ref.startswith(_REF):
                    yield ref.removeprefix(_REF)
                left += members.values()


def _with_defaults(tool: JSON, defaults: JSON) -> JSON:
    if not isinstance(tool, dict) or not isinstance(defaults, dict):
        return tool
    merged: JSONObject = {**defaults, **tool}
    call, shared = tool.get("call"), defaults.get("call")
    if isinstance(call, dict) and isinstance(shared, dict):
        merged["call"] = {**shared, **call}
    return merged


def _merged(value: JSON, patch: JSON) -> JSON:
    if not isinstance(patch, dict):
        return patch
    made: JSONObject = dict(value) if isinstance(value, dict) else {}
    for name, part in patch.items():
        if part is None:
            made.pop(name, None)
        else:
            made[name] = _merged(made.get(name), part)
    return made
