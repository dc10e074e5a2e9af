"""Argument templates of tool contracts: JSON in which `${root.name.name}` takes a value.

A reference that is the whole of a text keeps its type; inside a text it interpolates a scalar. An
object's member that is wholly a reference to something absent is left out, so that optional
arguments stay optional; anywhere else an absent value is an error. Nothing is evaluated.
"""

import json
import re
from collections.abc import Iterator, Mapping

from remit.canonical import JSON

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_NAMES = re.compile(r"^[A-Za-z_][\w-]*(\.[\w-]+)*$")
_MAX_DEPTH = 64


class TemplateError(ValueError):
    """A reference is malformed, or leads nowhere."""


class _AbsentError(TemplateError):
    """The reference is well formed and leads nowhere."""


def references(template: JSON) -> Iterator[tuple[str, ...]]:
    """Yield every reference in `template`, split at its dots.

    Raises:
        TemplateError: one is not of the form `${name.name}`.
    """
    match template:
        case str():
            for found in _REFERENCE.finditer(template):
                yield _names(found[1])
        case list():
            for part in template:
                yield from references(part)
        case dict():
            for part in template.values():
                yield from references(part)


def fill(template: JSON, values: Mapping[str, JSON], depth: int = 0) -> JSON:
    """Return `template` with its references replaced by what they lead to in `values`.

    Raises:
        TemplateError: a reference is malformed or leads nowhere, or a text takes in an object.
    """
    if depth > _MAX_DEPTH:
        raise TemplateError(f"the template is nested more than {_MAX_DEPTH} deep")
    match template:
        case str():
            return _fill_text(template, values)
        case list():
            return [fill(part, values, depth + 1) for part in template]
        case dict():
            return dict(_fill_members(template, values, depth))
    return template


def _fill_members(
    template: dict[str, JSON], values: Mapping[str, JSON], depth: int
) -> Iterator[tuple[str, JSON]]:
    for name, part in template.items():
        try:
            yield name, fill(part, values, depth + 1)
        except _AbsentError:
            if not (isinstance(part, str) and _REFERENCE.fullmatch(part)):
                raise


def _fill_text(text: str, values: Mapping[str, JSON]) -> JSON:
    whole = _REFERENCE.fullmatch(text)
    if whole is not None:
        return look_up(_names(whole[1]), values)
    return _REFERENCE.sub(lambda found: as_text(look_up(_names(found[1]), values)), text)


def look_up(names: tuple[str, ...], values: Mapping[str, JSON]) -> JSON:
    """Return what `names` lead to; list items are named by their index.

    Raises:
        TemplateError: they lead nowhere.
    """
    found: JSON | Mapping[str, JSON] = values
    for name in names:
        if isinstance(found, Mapping) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            raise _AbsentError(f"'${{{'.'.join(names)}}}' leads nowhere")
    return found if not isinstance(found, Mapping) else dict(found)


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


def _names(inner: str) -> tuple[str, ...]:
    if not _NAMES.match(inner):
        raise TemplateError(f"'${{{inner}}}' is not a reference of the form '${{name.name}}'")
    return tuple(inner.split("."))
