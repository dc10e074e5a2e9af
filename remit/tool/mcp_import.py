"""From what an MCP server lists to tool contracts, as a file writes them.

A server describes itself, so nothing that it says makes a tool less dangerous than one of which
nothing is known: every tool is a `trigger`, or a `delete` where it calls itself destructive, and
irreversible, so that each call waits for a person until the operator writes otherwise. With
`trusts` the hints count, and the file says so. Texts are data: on one line, without control
characters, and held back where they speak to a model in place of describing a tool.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from remit.canonical import JSON, Digest, JSONObject, NotCanonicalError, digest
from remit.diagnostic import Diagnostic, pointer
from remit.tool.imported import Imported, private_note
from remit.tool.mcp import listed_digest
from remit.tool.texts import one_line, segment
from remit.tool.validation import SchemaError, validator
from remit.tool.words import MANY, NAMED

TEXT_OUTPUT: JSONObject = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "links": {"type": "array"}},
    "required": ["text"],
    "additionalProperties": False,
}
"""Output of a tool that says nothing about it: its texts."""
_DIALECTS = ("2020-12/schema", "2019-09/schema", "draft-07/schema")
_SPEAKS = re.compile(
    r"(?i)\bignore\b.{0,40}\b(previous|prior|above|instructions?|polic(y|ies)|rules)\b"
    r"|<\s*/?\s*(important|system|instructions?|secret)\b|\bsystem prompt\b"
    r"|\b(do not|don't|never)\s+(tell|mention|inform|show)\b"
    r"|\bbefore (using|calling)\b.{0,40}\btools?\b|\bconversation (history|so far)\b"
)
_MOST = 300


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator says of the tools."""

    domain: str
    owner: str
    server: JSONObject
    """The server's part of every contract, as `remit.tool.mcp` describes it."""
    source: str = "a server"
    """Where the server is, as it is written down."""
    destinations: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    """Those of them that were found at private addresses."""
    region: str = "unstated"
    only: tuple[str, ...] = ()
    """Patterns of the tools' names, here or on the server; without any all are taken."""
    trusts: bool = False
    """Whether the server's hints count. It is said anew for each import: whoever forgets it raises
    a risk."""

    @property
    def options(self) -> JSONObject:
        """What was said and holds for the next import; the server is named anew for each."""
        said: JSONObject = {
            "domain": self.domain,
            "owner": self.owner,
            "only": [*self.only],
            "region": self.region,
        }
        return {name: value for name, value in said.items() if value}


def take(
    listed: Iterable[JSONObject], wanted: Wanted, server: str = "", revision: str = ""
) -> Imported:
    """Return the contracts of the tools that are `listed`, and what is to be said about them.

    Raises:
        InvalidDocumentError: nothing at all can be taken.
    """
    tools: list[JSONObject] = []
    places: dict[str, str] = {}
    pins: JSONObject = {}
    left_out: list[Diagnostic] = []
    notes = [private_note(host) for host in wanted.private]
    chosen, unmet = _chosen(listed, wanted)
    count = Counter(ref for _, ref, _ in chosen)
    for name, ref, tool in chosen:
        if count[ref] > 1:
            left_out.append(_left_out(name, f"another one would be called {ref!r} too"))
            continue
        try:
            pin = listed_digest(tool)
            tools.append(_contract(name, ref, tool, pin, wanted, notes))
        except (SchemaError, NotCanonicalError) as error:
            left_out.append(_left_out(name, str(error)))
            continue
        pins[name], places[ref] = pin, pointer(name)
    left_out += [_left_out(each, "the server lists no such tool") for each in unmet]
    about: JSONObject = {
        "server": one_line(server, _MOST),
        "revision": one_line(revision, _MOST),
        "hints": "believed" if wanted.trusts else "not believed",
    }
    return Imported(
        by="mcp",
        source=wanted.source,
        document=digest(pins),
        about=about,
        defaults=_defaults(wanted),
        schemas={},
        tools=tuple(tools),
        places=places,
        options=wanted.options,
        left_out=tuple(left_out),
        notes=tuple(notes),
    ).fit()


def _chosen(
    listed: Iterable[JSONObject], wanted: Wanted
) -> tuple[list[tuple[str, str, JSONObject]], list[str]]:
    """Return the wanted tools, each with its two names, and the patterns that meet none."""
    chosen: list[tuple[str, str, JSONObject]] = []
    met: set[str] = set()
    for tool in listed:
        name = str(tool.get("name", ""))
        ref = f"{wanted.domain}.{segment(name)}"
        fits = {each for each in wanted.only if fnmatchcase(name, each) or fnmatchcase(ref, each)}
        if fits or not wanted.only:
            chosen.append((name, ref, tool))
        met |= fits
    return chosen, [each for each in wanted.only if each not in met]


def _defaults(wanted: Wanted) -> JSONObject:
    """Return what all tools of the server have in common."""
    defaults: JSONObject = {
        "version": "1.0.0",
        "owner": wanted.owner,
        "domain": wanted.domain,
        "region": wanted.region,
        "idempotency": "none",
    }
    if wanted.destinations:
        defaults["destinations"] = [*wanted.destinations]
    if wanted.private:
        defaults["private"] = [*wanted.private]
    return defaults | {"call": {"kind": "mcp", "server": wanted.server}}


def _contract(
    name: str,
    ref: str,
    tool: JSONObject,
    pin: Digest,
    wanted: Wanted,
    notes: list[Diagnostic],
) -> JSONObject:
    description, is_clean = _description(name, tool)
    if not is_clean:
        notes.append(_note("IMPORT-TEXT", name, "its texts speak to a model; they are held back"))
    output = tool.get("outputSchema")
    call: JSONObject = {"tool": name, "schema_sha256": pin}
    if output is None:
        call["answer"] = "text"
    return {
        "name": ref,
        "description": description,
        **_risk(name, tool, wanted, notes),
        "input_schema": _closed(_schema(tool.get("inputSchema"), is_clean)),
        "output_schema": TEXT_OUTPUT if output is None else _schema(output, is_clean),
        "call": call,
    }


def _risk(name: str, tool: JSONObject, wanted: Wanted, notes: list[Diagnostic]) -> JSONObject:
    hints = tool.get("annotations")
    hints = hints if isinstance(hints, dict) else {}
    is_destructive = hints.get("destructiveHint")
    high: JSONObject = {
        "operation": "delete" if is_destructive is True else "trigger",
        "irreversible": True,
    }
    low: JSONObject = dict(high)
    if hints.get("readOnlyHint") is True:
        low = {"operation": "read", "idempotency": "natural"}
    elif is_destructive is False:
        low["operation"] = "write"
        if hints.get("idempotentHint") is True:
            low["idempotency"] = "natural"
    if hints.get("readOnlyHint") is True and is_destructive is True:
        low = high  # it contradicts itself
    if low == high:
        return high
    if wanted.trusts:
        return low
    said = ", ".join(f"{key}: {value}" for key, value in low.items())
    notes.append(_note("IMPORT-HINTS", name, f"it would have it be `{said}`; that is not believed"))
    return high


def _schema(schema: JSON, is_clean: bool) -> JSONObject:
    """Return `schema` in the dialect of contracts.

    Raises:
        SchemaError: it is none, or of a dialect that means other things by the same words.
    """
    if not isinstance(schema, dict):
        raise SchemaError("a schema is an object")
    dialect = schema.get("$schema", _DIALECTS[0])
    if not isinstance(dialect, str) or not dialect.rstrip("#").endswith(_DIALECTS):
        raise SchemaError(f"its schemas are of the dialect {str(dialect)[:100]!r}")
    whole = {word: value for word, value in schema.items() if word not in ("$schema", "$id")}
    made = _translated(whole, is_clean)
    if not isinstance(made, dict):
        raise SchemaError("a schema is an object")
    validator(made)
    return made


_TEXTS = frozenset({"title", "description", "$comment", "examples"})
_NAMED = NAMED | {"$defs", "definitions"}
_VALUES = frozenset({"const", "default", "enum", "required"})


def _translated(schema: JSON, is_clean: bool, depth: int = 0) -> JSON:
    """Return a schema with what drafts before 2020-12 wrote otherwise, and with safe texts."""
    if depth > 40:
        raise SchemaError("its schemas are nested too deep")
    if not isinstance(schema, dict):
        return schema
    made: JSONObject = {}
    for word, value in schema.items():
        if word in _TEXTS:
            if word == "description" and is_clean and isinstance(value, str):
                made[word] = one_line(value, _MOST)
        elif word == "dependencies":
            raise SchemaError("its schemas use `dependencies`")
        else:
            name, translated = _member(word, value, is_clean, depth + 1)
            made[name] = translated
    return made


def _member(word: str, value: JSON, is_clean: bool, depth: int) -> tuple[str, JSON]:
    """Return one keyword and its value as 2020-12 writes them."""
    if word in _VALUES:
        return word, value
    if word in _NAMED:
        if not isinstance(value, dict):
            raise SchemaError(f"{word!r} is no object")
        return word, {key: _translated(each, is_clean, depth) for key, each in value.items()}
    if isinstance(value, list) and (word in MANY or word == "items"):
        name = "prefixItems" if word == "items" else word
        return name, [_translated(each, is_clean, depth) for each in value]
    if word == "additionalItems":
        return "items", _translated(value, is_clean, depth)
    return word, _translated(value, is_clean, depth)


def _closed(schema: JSONObject) -> JSONObject:
    """Return an input schema that takes no argument which it does not name."""
    if "properties" not in schema and "additionalProperties" not in schema:
        schema = {**schema, "properties": {}}
    return schema if "additionalProperties" in schema else schema | {"additionalProperties": False}


def _description(name: str, tool: JSONObject) -> tuple[str, bool]:
    """Return the text of a contract, and whether the tool's texts may be shown to a planner."""
    neutral = f"Tool {one_line(name, 100)!r} of an MCP server."
    if any(_speaks(text) for text in _texts([tool.get("description"), tool.get("inputSchema")])):
        return neutral, False
    said = tool.get("description")
    return (one_line(said, _MOST) if isinstance(said, str) else "") or neutral, True


def _texts(value: JSON) -> Iterable[str]:
    left: list[JSON] = [value]
    while left:
        match left.pop():
            case str() as text:
                yield text
            case list() as parts:
                left += parts
            case dict() as members:
                left += members.values()
                left += members.keys()


def _speaks(text: str) -> bool:
    is_hidden = any(unicodedata.category(letter) in ("Cf", "Co", "Cn") for letter in text)
    return is_hidden or _SPEAKS.search(" ".join(text.split())) is not None


def _left_out(name: str, message: str) -> Diagnostic:
    hint = "write this contract by hand, or ask who makes the server"
    message = f"{one_line(name, 100)}: left out: {message}"[:500]
    return Diagnostic(code="IMPORT-TOOL", path=pointer(name), message=message, hint=hint)


def _note(code: str, name: str, message: str) -> Diagnostic:
    hint = "look at the contract, and write into the overrides what is true"
    shown = f"{one_line(name, 100)}: {message}"
    return Diagnostic(code=code, path=pointer(name), message=shown, hint=hint)
