"""How an argument is written into a query when it is not simply itself (`QueryStyle`).

Names and parts are percent-encoded; a separator is written as it is, so that a part which holds one
can be told from two parts.
"""

from urllib.parse import quote

from remit.canonical import JSON, canonical
from remit.tool.kinds import QueryStyle
from remit.tool.template import TemplateError, as_text

_SEPARATORS: dict[str, str] = {"comma": ",", "space": "%20", "pipe": "%7C"}


def styled(style: QueryStyle, name: str, value: JSON) -> list[str]:
    """Return the parameters that carry `value`; none for an empty list or object.

    Raises:
        TemplateError: `value` is of another shape than the style takes.
    """
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
