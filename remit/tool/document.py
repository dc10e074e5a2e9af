"""Reading JSON and YAML text strictly: one meaning for one text, or a reason why not.

Refused: names that stand twice in an object, NaN and infinities, integers beyond 2^53, deep
nesting, YAML anchors and tags, keys that are no text. YAML scalars follow YAML 1.2's core schema:
`no`, `on` and dates are text. The callers bound the size; nothing here opens a file.

A `foreign` document is one that somebody else wrote for other readers: there an integer beyond 2^53
is the double that most readers make of it, and a YAML key that is a number is the text it is
written as.
"""

import json
import math
import re
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import yaml

from remit.canonical import JSON

MAX_DEPTH = 100
"""Deepest nesting of lists and objects."""

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_COMMENTS = re.compile(r"\A(?:[ \t]*(?:#[^\n]*)?\n)+")
_JSON_BELOW = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*\{")
_SURROGATE = re.compile(r"\\u[dD][89A-Fa-f]")
_WORDS: dict[str, bool | None] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True)
_WORDS |= dict.fromkeys(("false", "False", "FALSE"), False)
_EXPONENT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")
_PREFIX = "tag:yaml.org,2002:"
_TEXT = _PREFIX + "str"
_READ = frozenset(_PREFIX + name for name in ("str", "int", "float", "bool", "null", "timestamp"))
_MAX_DIGITS = 40


class DocumentError(ValueError):
    """The text has no single meaning as JSON; the message says where and why."""


def parse_json(text: str | bytes, *, foreign: bool = False) -> JSON:
    """Return the value that the JSON `text` (UTF-8 when bytes) writes.

    Raises:
        DocumentError: it is malformed, ambiguous or nested too deep.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        value: JSON = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_wide if foreign else _integer,
        )
        _check_depth(value)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except DocumentError:
        raise
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise DocumentError(f"not JSON: {error.msg} at {where}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"not UTF-8 at byte {error.start}") from error
    except UnicodeEncodeError as error:
        raise DocumentError("a text holds half of a surrogate pair") from error
    except RecursionError as error:
        raise DocumentError(f"nested more than {MAX_DEPTH} deep") from error
    return value


def parse_yaml(text: str | bytes, *, foreign: bool = False) -> list[JSON]:
    """Return the values of all documents in the YAML `text`; JSON is YAML too.

    JSON below comments, as `remit tools import` writes it, is read as JSON, twenty times as fast.

    Raises:
        DocumentError: it is malformed, ambiguous or nested too deep.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        if _JSON_BELOW.match(text):
            with suppress(DocumentError):
                return [parse_json(_COMMENTS.sub("", text), foreign=foreign)]
        nodes = list(yaml.compose_all(text, Loader=yaml.CSafeLoader))
        reader = _Reader(foreign)
        return [reader.value(node, 0) for node in nodes if node is not None]
    except UnicodeDecodeError as error:
        raise DocumentError(f"not UTF-8 at byte {error.start}") from error
    except yaml.YAMLError as error:
        raise DocumentError(f"not YAML: {_said(error)}") from error
    except RecursionError as error:
        raise DocumentError(f"nested more than {MAX_DEPTH} deep") from error


class _Reader:
    """Turns YAML nodes into JSON values; sees each node once."""

    def __init__(self, foreign: bool) -> None:
        self._seen: set[int] = set()
        self._foreign = foreign

    def value(self, node: yaml.Node, depth: int) -> JSON:
        if id(node) in self._seen:
            raise DocumentError(f"anchors and aliases are not read ({_place(node)})")
        self._seen.add(id(node))
        if depth > MAX_DEPTH:
            raise DocumentError(f"nested more than {MAX_DEPTH} deep ({_place(node)})")
        match node:
            case yaml.ScalarNode():
                return _scalar(node, _wide if self._foreign else _integer)
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                return [self.value(part, depth + 1) for part in node.value]
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                return self._members(node, depth)
        raise DocumentError(f"the tag {node.tag!r} is not read ({_place(node)})")

    def _members(self, node: yaml.MappingNode, depth: int) -> dict[str, JSON]:
        members: dict[str, JSON] = {}
        for key, part in node.value:
            name = self.value(key, depth + 1)
            if self._foreign and isinstance(key, yaml.ScalarNode):
                name = key.value
            if not isinstance(name, str):
                raise DocumentError(f"the key {key.value!r} is not a text ({_place(key)})")
            if name in members:
                raise DocumentError(f"the name {name!r} stands twice ({_place(key)})")
            members[name] = self.value(part, depth + 1)
        return members


def _scalar(node: yaml.ScalarNode, integer: Callable[[str], int | float]) -> JSON:
    text: str = node.value
    if node.tag not in _READ:
        raise DocumentError(f"the tag {node.tag!r} is not read ({_place(node)})")
    # What YAML 1.1 takes for text but 1.2 for a number is the exponent without a dot, `1e3`.
    if node.style or (node.tag == _TEXT and not _EXPONENT.fullmatch(text)):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return integer(text)
    if _FLOAT.fullmatch(text):
        return _finite(text)
    return text


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DocumentError(f"the name {twice!r} stands twice in one object")
    return members


def _check_depth(value: JSON) -> None:
    """Refuse deep nesting, without recursion."""
    level: list[JSON] = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [part for held in level for part in _parts(held)]
        if not level:
            return
    raise DocumentError(f"nested more than {MAX_DEPTH} deep")


def _parts(value: JSON) -> list[JSON]:
    match value:
        case list():
            return value
        case dict():
            return list(value.values())
    return []


def _refuse_constant(name: str) -> NoReturn:
    raise DocumentError(f"{name} is not JSON")


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS or abs(int(text)) > 2**53:
        raise DocumentError(f"the integer {text[:20]} is beyond 2^53; write it as text")
    return int(text)


def _wide(text: str) -> int | float:
    """Return a foreign document's integer: the double nearest to it when it is beyond 2^53."""
    if len(text) > _MAX_DIGITS:
        raise DocumentError(f"the integer {text[:20]}… has more than {_MAX_DIGITS} digits")
    number = int(text)
    return number if abs(number) <= 2**53 else float(number)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise DocumentError(f"the number {text[:40]} is too large")
    return number


def _place(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}, column {node.start_mark.column + 1}"


def _said(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())[:300]
