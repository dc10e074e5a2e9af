"""Bodies that are forms: how each of their members is written, as OpenAPI's `encoding` says.

A plain value is its text and a list is its member repeated, as everybody does it. What becomes of
an object is read in several ways, so one is sent only in the way that the document names.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from remit.canonical import JSON, JSONObject
from remit.tool.openapi.source import JSON_TYPE, UnfitError, at

_HINT = "say its `style` or `contentType` under `encoding`, or write this contract by hand"
_SEPARATED = {"form": "comma", "spaceDelimited": "space", "pipeDelimited": "pipe"}

Shape = Callable[[JSON, str], str]
"""From a schema and its place to `array`, `object` or `scalar`."""


@dataclass(slots=True)
class Form:
    """The members of a form."""

    schema: JSONObject
    """Without the members that are not sent."""
    styles: dict[str, str] = field(default_factory=dict)
    unsent: list[UnfitError] = field(default_factory=list)
    """Why optional members are left out."""


def read_form(held: JSONObject, node: JSONObject, where: str, shape: Shape) -> Form:
    """Return how the members of the form at `where` are written.

    Args:
        held: the media type's object, with `encoding`.
        node: its schema, references followed.
        where: the schema's place.
        shape: tells what a member is.

    Raises:
        UnfitError: it is no plain object, or a member that must be sent cannot be.
    """
    properties = node.get("properties")
    if not isinstance(properties, dict) or shape(node, where) != "object":
        message = "its body is a form whose members are not declared"
        raise UnfitError("OPENAPI-BODY", where, message, "declare them as `properties`")
    told, required = held.get("encoding"), node.get("required")
    encoding = told if isinstance(told, dict) else {}
    needed = required if isinstance(required, list) else []
    form, kept = Form(node), dict[str, JSON]()
    for name, part in properties.items():
        place = at(where, "properties", name)
        try:
            style = _style(encoding.get(name), shape(part, place), name, place)
        except UnfitError as error:
            if name in needed:
                raise
            form.unsent.append(error)
            continue
        kept[name] = part
        if style is not None:
            form.styles[name] = style
    form.schema = {**node, "properties": kept}
    return form


def _style(told: JSON, shape: str, name: str, where: str) -> str | None:
    """Return the style of one member; none for what is its own text, or a list of such."""
    said = told if isinstance(told, dict) else {}
    style, content = said.get("style"), said.get("contentType")
    if style is None and isinstance(content, str) and JSON_TYPE.fullmatch(content):
        return "json"
    is_apart = said.get("explode", style in (None, "form")) is not False
    if shape == "scalar" and style in (None, "form"):
        return None
    if shape == "array" and style in (None, *_SEPARATED):
        return None if is_apart else _SEPARATED[str(style or "form")]
    if shape == "object" and style == "deepObject":
        return "deep"
    if shape == "object" and style == "form" and is_apart:
        return "members"
    message = f"the member {name[:60]!r} of its form is no plain value; it is not sent so"
    raise UnfitError("OPENAPI-PARAMETER", where, message, _HINT)
