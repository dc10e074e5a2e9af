"""Argument templates of tool contracts: JSON in which `${root.name[0]}` takes a value.

References are written as in plans (`remit.plan.template`), which stand above this room. One that is
the whole of a text keeps its type; inside a text it interpolates a scalar; `$${` writes `${`. An
object's member that is wholly a reference to something absent is left out, so that optional
arguments stay optional; anywhere else an absent value is an error. Nothing is evaluated.
"""

import json
import re
from collections.abc import Iterator, Mapping

from remit.canonical import JSON

_REFERENCE = re.compile(r"\$(\$?)\{([^}]*)\}")
_PATH = re.compile(r'[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d{1,9}\]|\["[^"\\}]*"\])*', re.ASCII)
_PART = re.compile(r'\[(\d+)\]|\["([^"]*)"\]|(\w+)', re.ASCII)
_MAX_DEPTH = 64

Names = tuple[str | int, ...]
"""A reference taken apart: the name it begins with, then members and list positions."""


class TemplateError(ValueError):
    """A reference is malformed, leads nowhere, or does not fit where it stands."""


class _AbsentError(TemplateError):
    """The reference is well formed and leads nowhere."""


def references(template: JSON) -> Iterator[Names]:
    """Yield every reference in `template`.

    Raises:
        TemplateError: one is malformed.
    """
    match template:
        case str():
            for found in _REFERENCE.finditer(template):
                if not found[1]:
                    yield _names(found[2])
        case list():
            for part in template:
                yield from references(part)
        case dict():
            for part in template.values():
                yield from references(part)


def fill(template: JSON, values: Mapping[str, JSON]) -> JSON:
    """Return `template` with its references replaced by what they lead to in `values`.

    Raises:
        TemplateError: a reference is malformed or leads nowhere, or a text takes in an object.
    """
    return _fill(template, values, 0)


def as_text(value: JSON) -> str:
    """Return a scalar as it stands inside a text; numbers and booleans as JSON writes them.

    Raises:
        TemplateError: `value` is an object, a list or null.
    """
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, list | dict):
        raise TemplateError("a text cannot take in an object, a list or null")
    return json.dumps(value)


def _fill(template: JSON, values: Mapping[str, JSON], depth: int) -> JSON:
    if depth > _MAX_DEPTH:
        raise TemplateError(f"the template is nested more than {_MAX_DEPTH} deep")
    match template:
        case str():
            return _fill_text(template, values)
        case list():
            return [_fill(part, values, depth + 1) for part in template]
        case dict():
            return dict(_fill_members(template, values, depth + 1))
    return template


def _fill_members(
    template: dict[str, JSON], values: Mapping[str, JSON], depth: int
) -> Iterator[tuple[str, JSON]]:
    for name, part in template.items():
        try:
            yield name, _fill(part, values, depth)
        except _AbsentError:
            if not (isinstance(part, str) and _REFERENCE.fullmatch(part)):
                raise


def _fill_text(text: str, values: Mapping[str, JSON]) -> JSON:
    whole = _REFERENCE.fullmatch(text)
    if whole is not None and not whole[1]:
        return _look_up(_names(whole[2]), values)

    def written(found: re.Match[str]) -> str:
        return found[0][1:] if found[1] else as_text(_look_up(_names(found[2]), values))

    return _REFERENCE.sub(written, text)


def _look_up(names: Names, values: Mapping[str, JSON]) -> JSON:
    found: JSON = dict(values)
    try:
        for name in names:
            found = _enter(found, name)
    except LookupError as error:
        shown = ".".join(str(name) for name in names)
        raise _AbsentError(f"'${{{shown}}}' leads nowhere") from error
    return found


def _enter(value: JSON, name: str | int) -> JSON:
    if isinstance(value, dict) and isinstance(name, str):
        return value[name]
    if isinstance(value, list) and isinstance(name, int):
        return value[name]
    raise KeyError(name)


def _names(inner: str) -> Names:
    text = inner.strip()
    if not _PATH.fullmatch(text):
        raise TemplateError(f"'${{{inner}}}' is not a reference of the form '${{name.name}}'")
    return tuple(int(part[1]) if part[1] else part[2] or part[3] for part in _PART.finditer(text))
