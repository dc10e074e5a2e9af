"""Which rule can say anything about which tool, as OPA's partial evaluation finds it.

Everything is left unknown but what a tool's contract fixes: its name, domain, operation, and
whether it can be undone. What is left then are the rules that some facts and some data let speak.
A plan, a vote, an order and Remit's own activities are asked about in the same way, by their kind
alone. An answer depends on rules and contracts only and is kept under their digest.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from remit.canonical import JSONObject
from remit.cli.policy.syntax import Module, UnparsableError, digest_of, texts
from remit.cli.stack.binaries import Binary
from remit.cli.stack.opa_run import run_opa
from remit.decision.facts import Action, Facts
from remit.tool.contract import ToolContract

_ANSWERS = TypeAdapter(tuple[str, dict[str, dict[str, frozenset[str]]]])
_QUERY = "data.remit.reach.said[_]"
_QUERIES = re.compile(r"^# Query \d+$", re.MULTILINE)
_MODULES = re.compile(r"^# Module \d+$", re.MULTILINE)
_STRING = r'"(?:[^"\\]|\\.)*"'
_TEXT = re.compile(rf"({_STRING})(?:: ({_STRING}))?")
"""A text, and the one it names; texts are read whole, so that no quote is taken for another."""
_MODULE = """package remit.reach

import rego.v2

said contains {"set": "denies", "what": what} if some what in data.remit.main.denies

said contains {"set": "permits", "what": what} if some what in data.remit.main.permits

said contains {"set": "gates", "what": what} if some what in data.remit.main.gates

said contains {"set": "obligations", "what": what} if some what in data.remit.main.obligations

said contains {"set": "reserves", "what": what} if some what in data.remit.main.reserves
"""
_FIXED = frozenset({"tool", "domain", "operation", "irreversible"})
"""What a contract says of every call of its tool."""
KINDS = {
    "admission": "plans",
    "vote": "votes",
    "order": "orders",
    "system": "Remit's own activities",
    "promotion": "promotions of policies",
    "proposal": "proposals",
}


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be said about one tool, or about one kind of request."""

    about: str
    codes: Mapping[str, frozenset[str]]
    """By set; an obligation's code is its type."""


@dataclass(frozen=True)
class Question:
    """Rules, and the tools that they are asked about."""

    folders: tuple[Path, ...]
    modules: tuple[Module, ...]
    """What stands in the folders, without tests."""
    tools: tuple[ToolContract, ...]

    def answered(self, opa: Binary, cache: Path) -> list[Reach]:
        """Return what may be said about each tool, and each kind of request that is no call.

        Raises:
            UnparsableError: OPA cannot evaluate the rules.
        """
        asked = self._asked()
        texts_read = [digest_of(module.text) for module in self.modules]
        key = digest_of(repr((opa.version, texts_read, asked)))
        known = _read(cache, key)
        if known is None:
            known = self._answers(opa.path, asked)
            cache.parent.mkdir(parents=True, exist_ok=True)
            cache.write_bytes(_ANSWERS.dump_json((key, known)))
        return [Reach(about, known[about]) for about in [*(t.ref for t in self.tools), *KINDS]]

    def _asked(self) -> list[tuple[tuple[str, ...], JSONObject]]:
        """Return what is asked, and about whom. Tools alike in all that a contract fixes are asked
        about once, but one that a rule names stands for itself."""
        named = frozenset(text for module in self.modules for text in texts(module.tree))
        alike: dict[tuple[object, ...], list[ToolContract]] = {}
        for tool in self.tools:
            own = tool.ref if tool.ref in named else ""
            alike.setdefault((own, tool.domain, tool.operation, tool.irreversible), []).append(tool)
        asked = [(tuple(t.ref for t in group), _call(group[0])) for group in alike.values()]
        return asked + [((kind,), _other(kind)) for kind in KINDS]

    def _answers(
        self, opa: Path, asked: Sequence[tuple[tuple[str, ...], JSONObject]]
    ) -> dict[str, dict[str, frozenset[str]]]:
        with tempfile.TemporaryDirectory(prefix="remit-reach-") as folder:
            module = Path(folder, "reach.rego")
            module.write_text(_MODULE, encoding="utf-8")
            command = tuple(_arguments([*self.folders, module]))
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                answers = list(pool.map(lambda pair: _asked(opa, command, pair[1]), asked))
        pairs = zip(asked, answers, strict=True)
        return {about: codes for (abouts, _), codes in pairs for about in abouts}


def _read(cache: Path, key: str) -> dict[str, dict[str, frozenset[str]]] | None:
    try:
        found, known = _ANSWERS.validate_json(cache.read_bytes())
    except (OSError, ValueError):
        return None
    return known if found == key else None


def _other(kind: str) -> JSONObject:
    return {"kind": kind, "schema_version": 1, "action": None}


def _call(tool: ToolContract) -> JSONObject:
    return {
        "kind": "call",
        "schema_version": 1,
        "action": {
            "tool": tool.ref,
            "domain": tool.domain,
            "operation": tool.operation.value,
            "irreversible": tool.irreversible,
        },
    }


def _arguments(loaded: Sequence[Path]) -> Iterator[str]:
    """Yield what does not differ from one question to the next."""
    # As JSON an answer is many times as long: 16 MB, which took longer to read than to find.
    yield from ("eval", "--partial", "--format", "source", "--stdin-input", "--timeout", "240s")
    for name in ("*.json", "*_test.rego"):
        yield from ("--ignore", name)
    for path in loaded:
        yield from ("--data", str(path))
    for part in sorted(Facts.model_fields.keys() - {"kind", "schema_version", "action"}):
        yield from ("--unknowns", f"input.{part}")
    for half in ("registry", "defaults"):
        yield from ("--unknowns", f"data.remit.{half}")
    yield _QUERY


def _asked(opa: Path, command: Sequence[str], given: JSONObject) -> dict[str, frozenset[str]]:
    unknown = Action.model_fields.keys() - _FIXED if given["action"] else ()
    fields = [part for name in sorted(unknown) for part in ("--unknowns", f"input.action.{name}")]
    done = run_opa(opa, *command, *fields, given=json.dumps(given), is_one_of_many=True)
    if done.returncode != 0:
        raise UnparsableError(f"partial evaluation failed: {(done.stdout or done.stderr)[:500]}")
    found: dict[str, set[str]] = {}
    queries, *_ = _MODULES.split(done.stdout, maxsplit=1)
    for query in _QUERIES.split(queries):
        members = list(_members(query))
        for name, text in members:
            if name == "set":
                code = "type" if text == "obligations" else "code"
                found.setdefault(text, set()).update(t for n, t in members if n == code)
    return {name: frozenset(codes) for name, codes in found.items()}


def _members(query: str) -> Iterator[tuple[str, str]]:
    """Yield the members of the objects in a query whose names and values are plain texts."""
    for name, text in _TEXT.findall(query):
        if text:
            yield json.loads(name), json.loads(text)
