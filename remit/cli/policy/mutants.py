"""Ways in which a Rego file may be wrong by one rule or one condition. Pure.

A rule or an `else` branch is left out, a condition is left out or inverted, a bound is moved by its
edge. Each is a change of one place of the text; whether it is still Rego is for OPA to say. What a
test suite does not notice of these, it does not hold.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from remit.canonical import JSONObject
from remit.cli.policy.syntax import Module, Rule, Span, texts, walk

_EDGES = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_BINDS = re.compile(r"some\b|\w+ := ")
"""Conditions that give names their values: inverted they are no Rego."""
_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file."""

    rule: str
    """Name of the rule, and its code if it has one."""
    row: int
    span: Span
    was: str
    becomes: str

    def text(self, of: str) -> str:
        """Return the file's text with the change made."""
        return of[: self.span.start] + self.becomes + of[self.span.end :]


def mutants(module: Module) -> tuple[Mutant, ...]:
    """Return every change of a file, each once, in the order of their places."""
    found: dict[tuple[int, int, str], Mutant] = {}
    for rule in module.rules:
        for mutant in _of_rule(module, rule):
            span = mutant.span
            found.setdefault((span.start, span.end, mutant.becomes), mutant)
    return tuple(found[key] for key in sorted(found))


def _of_rule(module: Module, rule: Rule) -> Iterator[Mutant]:
    named = _named(rule)
    for span, becomes in [(rule.span, ""), *_branches(module, rule), *_conditions(module, rule)]:
        was = " ".join(span.of(module.text).split())
        yield Mutant(named, module.row(span.start), span, was, becomes)


def _named(rule: Rule) -> str:
    head = rule.node.get("head")
    codes = (text for text in texts(head) if _CODE.fullmatch(text))
    return f"{rule.name} {next(codes, '')}".strip()


def _branches(module: Module, rule: Rule) -> Iterator[tuple[Span, str]]:
    """Yield each `else` with its body, up to the next one."""
    node = rule.node.get("else")
    while isinstance(node, dict):
        span, after = module.place(node), node.get("else")
        if span is not None:
            rest = module.place(after) if isinstance(after, dict) else None
            yield Span(span.start, rest.start if rest else span.end), ""
        node = after


def _conditions(module: Module, rule: Rule) -> Iterator[tuple[Span, str]]:
    for key, node in walk(rule.node):
        place = _condition(module, node) if key == "body" else None
        if place is not None:
            yield place, "true"
            yield from _inverted(place, place.of(module.text))
        yield from _edges(module, node)


def _condition(module: Module, node: JSONObject) -> Span | None:
    """Return where a condition stands that is written down: a rule without any has a made one."""
    place = None if node.get("generated") else module.place(node)
    if place is None:
        return None
    said = place.of(module.text)
    if not said.startswith("else"):
        return None if said == "true" else place
    # A lone name after `else … if` is placed at the whole branch.
    branch = re.match(r"else\b[^\n]*? if (?!\{)([^\n]+)", said)
    if branch is None:
        return None
    return Span(place.start + branch.start(1), place.start + branch.end(1))


def _inverted(place: Span, said: str) -> Iterator[tuple[Span, str]]:
    if said.startswith("not "):
        yield place, said.removeprefix("not ").lstrip()
    elif not _BINDS.match(said):
        yield place, f"not {said}"


def _edges(module: Module, node: JSONObject) -> Iterator[tuple[Span, str]]:
    place = module.place(node) if node.get("type") == "var" else None
    if place is not None and place.of(module.text) in _EDGES:
        yield place, _EDGES[place.of(module.text)]
