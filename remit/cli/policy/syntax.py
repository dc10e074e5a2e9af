"""Rego files as OPA's own parser reads them: rules, conditions, and the place of each in the text.

Everything that reasons about rules (lint, map, mutation) goes by this and never by patterns over
the text, so a string that looks like a rule is none. Places are offsets into the text, so a change
of one can be made without printing the rest anew.
"""

import base64
import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter

from remit.canonical import JSON, JSONObject
from remit.cli.stack.opa_run import run_opa

_JSON = TypeAdapter(JSONObject)


class UnparsableError(Exception):
    """OPA refuses a file; its words are the message."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """Return the piece."""
        return text[self.start : self.end]


@dataclass(frozen=True)
class Rule:
    """One rule with all its `else` branches."""

    node: JSONObject
    span: Span
    row: int
    labels: Mapping[str, str]
    """Of the annotation that stands on this rule, or speaks for all of its name."""

    @property
    def head(self) -> JSONObject:
        """Its name, and what it is or holds."""
        return child(self.node, "head")

    @property
    def name(self) -> str:
        """First part of its name."""
        return _name(self.node)


@dataclass(frozen=True)
class Module:
    """One file."""

    path: Path
    text: str
    tree: JSONObject

    @cached_property
    def package(self) -> str:
        """Dotted, without `data`."""
        return _dotted(child(self.tree, "package").get("path"))

    @cached_property
    def imports(self) -> frozenset[str]:
        """Dotted, without `data`; versions of Rego are left out."""
        paths = (child(used, "path").get("value") for used in nodes(self.tree.get("imports")))
        return frozenset(_dotted(path) for path in paths if _head(path) == "data")

    @cached_property
    def reads(self) -> frozenset[str]:
        """What its rules name of `data`, as far as names are written out; dotted."""
        found = set()
        for _, node in walk(self.tree.get("rules")):
            parts = nodes(node.get("value")) if node.get("type") == "ref" else []
            if parts and parts[0].get("value") == "data":
                named = itertools.takewhile(lambda part: part.get("type") == "string", parts[1:])
                found.add(".".join(str(part.get("value")) for part in named))
        return frozenset(found)

    @cached_property
    def package_labels(self) -> Mapping[str, str]:
        """Labels of the package's annotation."""
        scopes = {"package", "subpackages"}
        found = (a for a in nodes(self.tree.get("annotations")) if a.get("scope") in scopes)
        return _labels(next(found, {}))

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, in order."""
        return tuple(self._rule(node) for node in nodes(self.tree.get("rules")))

    @property
    def is_test(self) -> bool:
        """Whether it holds tests."""
        return self.path.name.endswith("_test.rego")

    def place(self, node: JSONObject) -> Span | None:
        """Return where a node stands, or nothing where the parser does not say so truly."""
        location = node.get("location")
        if not isinstance(location, dict):
            return None
        start = self._starts[int(str(location["row"])) - 1] + int(str(location["col"])) - 1
        stood = base64.b64decode(str(location["text"])).decode()
        return Span(start, start + len(stood)) if self.text.startswith(stood, start) else None

    def row(self, at: int) -> int:
        """Return the line, from 1, of an offset."""
        return self.text.count("\n", 0, at) + 1

    def _rule(self, node: JSONObject) -> Rule:
        span = self.place(node) or Span(0, 0)
        head = self.place(child(node, "head"))
        if node.get("default") and head is not None:
            span = Span(span.start, head.end)
        row = self.row(span.start)
        name = _name(node)
        return Rule(node, span, row, self._document_labels[name] | _labels_of(node, "rule"))

    @cached_property
    def _document_labels(self) -> dict[str, dict[str, str]]:
        """Labels that speak for every rule of a name: the annotation stands on one of them."""
        found: dict[str, dict[str, str]] = {}
        for rule in nodes(self.tree.get("rules")):
            name = _name(rule)
            found[name] = found.get(name, {}) | _labels_of(rule, "document")
        return found

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        return starts


def parse(opa: Path, files: Sequence[Path]) -> tuple[Module, ...]:
    """Parse files, each by a run of OPA.

    Raises:
        UnparsableError: a file is no Rego.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return tuple(pool.map(lambda file: _parse(opa, file), files))


def _parse(opa: Path, file: Path) -> Module:
    text = file.read_text(encoding="utf-8")
    parse = ("parse", "--format", "json", "--json-include", "locations", str(file))
    done = run_opa(opa, *parse, is_one_of_many=True)
    if done.returncode != 0:
        raise UnparsableError(f"{file}: {done.stderr.strip() or done.stdout.strip()}")
    return Module(file, text, _JSON.validate_json(done.stdout))


def walk(node: JSON, key: str = "") -> Iterator[tuple[str, JSONObject]]:
    """Yield every object below a node, itself included, each with the name it stands under."""
    if isinstance(node, dict):
        yield key, node
        for name, value in node.items():
            if name != "location":
                yield from walk(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value, key)


def texts(node: JSON) -> Iterator[str]:
    """Yield the string literals below a node, in order."""
    for _, found in walk(node):
        value = found.get("value")
        if found.get("type") == "string" and isinstance(value, str):
            yield value


def digest_of(text: str) -> str:
    """Return the digest of what OPA reads of a text: another comment is another text to nobody."""
    lines = text.splitlines()
    if all(line.count("`") % 2 == 0 for line in lines):
        lines = [line for line in lines if not line.lstrip().startswith("#")]
    return hashlib.sha256("\n".join(line for line in lines if line.strip()).encode()).hexdigest()


def _name(rule: JSONObject) -> str:
    """Return a rule's name; of `a[b]` it is `a`, which the parser gives as a reference alone."""
    return next((str(part.get("value")) for part in nodes(child(rule, "head").get("ref"))), "")


def _labels_of(rule: JSONObject, scope: str) -> dict[str, str]:
    found = (a for a in nodes(rule.get("annotations")) if a.get("scope") == scope)
    return _labels(next(found, {}))


def _labels(annotation: JSONObject) -> dict[str, str]:
    labels = annotation.get("labels")
    return {k: str(v) for k, v in labels.items()} if isinstance(labels, dict) else {}


def child(node: JSONObject, name: str) -> JSONObject:
    """Return an object that stands in another one; empty where none does."""
    value = node.get(name)
    return value if isinstance(value, dict) else {}


def nodes(value: JSON) -> list[JSONObject]:
    """Return the objects of a list."""
    return [node for node in value if isinstance(node, dict)] if isinstance(value, list) else []


def _head(path: JSON) -> str:
    return next((str(part.get("value")) for part in nodes(path)), "")


def _dotted(path: JSON) -> str:
    return ".".join(str(part.get("value")) for part in nodes(path)[1:])
