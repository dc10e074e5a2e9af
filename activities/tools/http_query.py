"""How a value is written into a query or a form, plainly or in a `QueryStyle`.

Names and parts are percent-encoded; a separator is written as it is, so that a part which holds one
can be told from two parts.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from remit.canonical import JSON, canonical
from remit.tool.kinds import QueryStyle
from remit.tool.template import TemplateError, as_text

_SEPARATORS: dict[str, str] = {"comma": ",", "space": "%20", "pipe": "%7C"}


def written(name: str, value: JSON, style: QueryStyle | None) -> list[str]:
    """Return the parameters that carry `value`; none for null.

    Raises:
        TemplateError: `value` is of a shape that is not written so.
    """
    if value is None:
        return []
    return _repeated(name, value) if style is None else _styled(style, name, value)


def form(value: JSON, styles: Mapping[str, QueryStyle]) -> bytes:
    """Return an object as a form; its members in the order of their names.

    Raises:
        TemplateError: it is none, or a member is of a shape that is not written so.
    """
    if not isinstance(value, dict):
        raise TemplateError("a form takes an object")
    parts = [
        part for name in sorted(value) for part in written(name, value[name], styles.get(name))
    ]
    return "&".join(parts).encode("ascii")


def _repeated(name: str, value: JSON) -> list[str]:
    parts = value if isinstance(value, list) else [value]
    pairs = [(name, as_text(part)) for part in parts if part is not None]
    return [urlencode(pairs)] if pairs else []


def _styled(style: QueryStyle, name: str, value: JSON) -> list[str]:
    """Return the parameters that carry `value`; none for an empty list or object."""
    if style == "json":
        return [f"{quote(name, safe='')}={quote(canonical(value), safe='')}"]
    if style in _SEPARATORS:
        parts = value if isinstance(value, list) else [value]
        if not parts:
            return []
        joined = _SEPARATORS[style].join(quote(as_text(part), safe="") for part in parts)
        return [f"{quote(name, safe='')}={joined}"]
    if not isinstance(value, dict):
        raise TemplateError(f"the query parameter {name!r} takes an object")
    named = (
        (member if style == "members" else f"{name}[{member}]", part)
        for member, part in value.items()
    )
    return [
        f"{quote(called, safe='[]')}={quote(as_text(one), safe='')}"
        for called, part in named
        for one in (part if isinstance(part, list) else [part])
        if one is not None
    ]
