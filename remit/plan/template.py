"""Templates: JSON in which `${…}` holds a reference, and nothing else (design.md §4).

A reference that is a whole text keeps the type of what it leads to; inside a text it interpolates a
scalar. `$${` writes `${` itself. Nothing is evaluated: a reference is a name and a path.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from remit.canonical import JSON, JSONObject, canonical

_OPENING = re.compile(r"\$(\$?)\{")
_REFERENCE = re.compile(
    r"""\s*(?P<root>[A-Za-z_]\w*)(?P<path>(?:\.[A-Za-z_]\w*|\[\d{1,9}\]|\["[^"\\}]*"\])*)\s*""",
    re.ASCII,
)
_PART = re.compile(r"""\.(?P<name>\w+)|\[(?P<index>\d+)\]|\["(?P<key>[^"]*)"\]""", re.ASCII)


class TemplateError(ValueError):
    """A template cannot be read or filled; `code` is stable, `path` is the reference."""

    def __init__(self, code: str, path: str, message: str) -> None:
        self.code = code
        self.path = path
        super().__init__(message)


class ReferenceSyntaxError(TemplateError):
    """What stands in `${…}` is not a reference, or never ends."""


class ReferenceAbsentError(TemplateError):
    """The reference leads nowhere."""


class ReferenceTextError(TemplateError):
    """A text cannot take in what the reference leads to."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A name and the way from it into its value."""

    root: str
    parts: tuple[str | int, ...]

    def __str__(self) -> str:
        return self.root + "".join(_written(part) for part in self.parts)

    @property
    def step(self) -> str | None:
        """The step whose output it reaches, if it does."""
        is_output = self.root == "steps" and self.parts[1:2] == ("output",)
        return str(self.parts[0]) if is_output else None


Piece = str | Reference
"""Literal text, or a reference."""


def resolve(template: JSON, scope: Mapping[str, JSON]) -> JSON:
    """Return `template` with every reference replaced by what it leads to in `scope`.

    Raises:
        ReferenceAbsentError: one leads nowhere (`REFERENCE-ABSENT`).
        ReferenceTextError: a text would take in an object, a list or null (`REFERENCE-TEXT`).
        ReferenceSyntaxError: one is malformed (`REFERENCE-SYNTAX`).
    """
    if isinstance(template, str):
        return _fill(template, scope)
    if isinstance(template, list):
        return [resolve(part, scope) for part in template]
    if isinstance(template, dict):
        return {name: resolve(part, scope) for name, part in template.items()}
    return template


def resolve_outputs(outputs: JSONObject, scope: Mapping[str, JSON]) -> JSONObject:
    """Return a finished plan's `outputs`; what leads nowhere is null, e.g. of a skipped step.

    Raises:
        ReferenceSyntaxError: a reference is malformed.
    """
    return {name: _or_null(part, scope) for name, part in outputs.items()}


def _or_null(template: JSON, scope: Mapping[str, JSON]) -> JSON:
    if isinstance(template, list):
        return [_or_null(part, scope) for part in template]
    if isinstance(template, dict):
        return {name: _or_null(part, scope) for name, part in template.items()}
    try:
        return resolve(template, scope)
    except (ReferenceAbsentError, ReferenceTextError):
        return None


def references(template: JSON) -> list[Reference]:
    """Return every reference in `template`, in order of appearance.

    Raises:
        ReferenceSyntaxError: one is malformed.
    """
    return list(_references(template))


def _references(template: JSON) -> Iterator[Reference]:
    if isinstance(template, str):
        yield from (piece for piece in pieces(template) if isinstance(piece, Reference))
    elif isinstance(template, list):
        for part in template:
            yield from _references(part)
    elif isinstance(template, dict):
        for part in template.values():
            yield from _references(part)


def literal(value: JSON) -> JSON:
    """Return the template that stands for `value` itself, whatever its texts hold."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [literal(part) for part in value]
    if isinstance(value, dict):
        return {name: literal(part) for name, part in value.items()}
    return value


def whole(text: str) -> Reference | None:
    """Return the reference that `text` wholly is, if it is one."""
    found = pieces(text)
    return found[0] if len(found) == 1 and isinstance(found[0], Reference) else None


def pieces(text: str) -> tuple[Piece, ...]:
    """Return what `text` is made of.

    Raises:
        ReferenceSyntaxError: a reference is malformed.
    """
    return (text,) if "${" not in text else _pieces(text)


@lru_cache(maxsize=8192)
def _pieces(text: str) -> tuple[Piece, ...]:
    found: list[Piece] = []
    plain, at = "", 0
    for opening in _OPENING.finditer(text):
        if opening.start() < at:
            continue
        plain += text[at : opening.start()]
        if opening[1]:
            plain += "${"
            at = opening.end()
            continue
        if plain:
            found.append(plain)
            plain = ""
        reference, at = _read(text, opening.end())
        found.append(reference)
    plain += text[at:]
    if plain:
        found.append(plain)
    return tuple(found)


def _read(text: str, start: int) -> tuple[Reference, int]:
    match = _REFERENCE.match(text, start)
    if match is None or text[match.end() : match.end() + 1] != "}":
        end = text.find("}", start)
        shown = text[start - 2 : start + 60 if end == -1 else end + 1]
        reason = "is not closed" if end == -1 else "is not a reference"
        raise ReferenceSyntaxError("REFERENCE-SYNTAX", shown, f"{shown!r} {reason}")
    parts: list[str | int] = []
    for part in _PART.finditer(match["path"]):
        index = part["index"]
        name = part["key"] if part["name"] is None else part["name"]
        parts.append(name if index is None else int(index))
    return Reference(match["root"], tuple(parts)), match.end() + 1


def _fill(text: str, scope: Mapping[str, JSON]) -> JSON:
    found = pieces(text)
    if len(found) == 1 and isinstance(found[0], Reference):
        return look_up(found[0], scope)
    return "".join(piece if isinstance(piece, str) else _text(piece, scope) for piece in found)


def look_up(reference: Reference, scope: Mapping[str, JSON]) -> JSON:
    """Return what `reference` leads to in `scope`.

    Raises:
        ReferenceAbsentError: it leads nowhere.
    """
    if reference.root not in scope:
        raise _absent(reference)
    here = scope[reference.root]
    try:
        for part in reference.parts:
            here = enter(here, part)
    except LookupError as error:
        raise _absent(reference) from error
    return here


def enter(value: JSON, part: str | int) -> JSON:
    """Return the member or item of `value` under `part`.

    Raises:
        LookupError: there is none.
    """
    if isinstance(value, dict) and isinstance(part, str):
        return value[part]
    if isinstance(value, list) and isinstance(part, int):
        return value[part]
    raise KeyError(part)


def _text(reference: Reference, scope: Mapping[str, JSON]) -> str:
    value = look_up(reference, scope)
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, list | dict):
        message = f"'${{{reference}}}' is no scalar, and stands inside a text"
        raise ReferenceTextError("REFERENCE-TEXT", str(reference), message)
    return canonical(value).decode()


def _absent(reference: Reference) -> ReferenceAbsentError:
    message = f"'${{{reference}}}' leads nowhere"
    return ReferenceAbsentError("REFERENCE-ABSENT", str(reference), message)


def _written(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if re.fullmatch(r"[A-Za-z_]\w*", part, re.ASCII) else f'["{part}"]'
