"""From parameters and body to arguments: their schema, and how each is sent.

Every parameter is an argument, called by its own name where plans can refer to that. The members of
a body that is a plain object are arguments beside them; any other body is the argument `body`. The
arguments are closed: what the document does not declare is refused before it is sent. A parameter
in a form that is not sent is left out when it is optional, and its operation when it is not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic, pointer
from remit.tool.artifact import NAMED
from remit.tool.http_checks import RESERVED_HEADERS
from remit.tool.kinds import FORM_TYPE
from remit.tool.openapi.files import file_types, stored
from remit.tool.openapi.forms import read_form
from remit.tool.openapi.schemas import Definitions
from remit.tool.openapi.source import HEADER, JSON_TYPE, Source, UnfitError, at
from remit.tool.texts import argument, plain

KEY_HEADERS = ("idempotency-key", "x-idempotency-key")
"""Header parameters that carry the step key, whatever else is said."""
_IGNORED = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that OpenAPI itself says are ignored."""
_SEPARATED = {"form": "comma", "spaceDelimited": "space", "pipeDelimited": "pipe"}
_WHOLE = frozenset({"type", "properties", "required", "additionalProperties", "description"})
"""A body whose schema says nothing else is taken apart into arguments."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_HINT = "write this contract by hand, or change the description"


@dataclass(slots=True)
class Inputs:
    """What an operation takes."""

    properties: JSONObject = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    path: str = ""
    query: dict[str, str] = field(default_factory=dict)
    styles: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    key_header: str | None = None
    body: JSON = None
    media_type: str = "application/json"
    body_styles: dict[str, str] = field(default_factory=dict)
    upload: JSONObject | None = None
    notes: list[Diagnostic] = field(default_factory=list)

    @property
    def schema(self) -> JSONObject:
        """The input schema of a contract."""
        made: JSONObject = {"type": "object", "additionalProperties": False}
        if self.required:
            made["required"] = list(self.required)
        return {**made, "properties": self.properties}

    def call(self) -> JSONObject:
        """Return what of it stands in the contract's `call`."""
        made: JSONObject = {"url": self.path}
        for name, value in (
            ("query", self.query),
            ("query_styles", self.styles),
            ("header_arguments", self.headers),
            ("body_styles", self.body_styles),
        ):
            if value:
                made[name] = dict(value)
        if self.body is not None:
            made["body"] = self.body
        if self.upload is not None:
            made["upload"] = self.upload
        if self.media_type != "application/json":
            made["media_type"] = self.media_type
        return made

    def take(self, name: str, schema: JSON, *, is_required: bool) -> None:
        """Add an argument."""
        self.properties[name] = schema
        if is_required:
            self.required.append(name)


class InputReader:
    """Reads what operations take."""

    def __init__(self, source: Source, definitions: Definitions) -> None:
        self._source = source
        self._definitions = definitions

    def read(
        self, path: str, item: JSONObject, entry: JSONObject, item_at: str, where: str
    ) -> Inputs:
        """Return what the operation at `where` takes.

        Raises:
            UnfitError: something that it needs cannot be sent.
        """
        inputs = Inputs(path=path)
        in_path: dict[str, str] = {}
        for node, place in self._parameters(item, entry, item_at, where):
            try:
                self._parameter(inputs, node, place, in_path)
            except UnfitError as error:
                if node.get("required") is True or node.get("in") == "path":
                    raise
                inputs.notes.append(_left_out(error))
        inputs.path = _filled(path, in_path, where)
        if "requestBody" in entry:
            self._body(inputs, entry["requestBody"], at(where, "requestBody"))
        return inputs

    def _parameters(
        self, item: JSONObject, entry: JSONObject, item_at: str, where: str
    ) -> Iterator[tuple[JSONObject, str]]:
        """Yield the path's parameters and the operation's, which come before them."""
        found: dict[tuple[str, str], tuple[JSONObject, str]] = {}
        for holder, place in ((item, item_at), (entry, where)):
            listed = holder.get("parameters", [])
            if not isinstance(listed, list):
                raise UnfitError(
                    "OPENAPI-SHAPE", at(place, "parameters"), "a list is expected here"
                )
            seen: set[tuple[str, str]] = set()
            for index, written in enumerate(listed):
                node, here = self._source.part(written, at(place, "parameters", index))
                name, inside = node.get("name"), node.get("in")
                if not isinstance(name, str) or not name or not isinstance(inside, str):
                    message = "a parameter needs `name` and `in`"
                    raise UnfitError("OPENAPI-SHAPE", here, message)
                key = (inside, name.lower() if inside == "header" else name)
                if key in seen:
                    message = f"the {inside} parameter {name[:60]!r} stands twice"
                    raise UnfitError("OPENAPI-PARAMETER", here, message, "keep one of them")
                seen.add(key)
                found[key] = (node, here)
        order = ("path", "query", "header", "cookie")
        yield from sorted(found.values(), key=lambda pair: _position(order, str(pair[0].get("in"))))

    def _parameter(
        self, inputs: Inputs, node: JSONObject, where: str, in_path: dict[str, str]
    ) -> None:
        name, inside = str(node["name"]), node["in"]
        lower = name.lower()
        if inside == "header" and lower in _IGNORED:
            return
        if inside == "header" and lower in KEY_HEADERS and HEADER.fullmatch(name):
            inputs.key_header = name
            return
        if inside not in ("path", "query", "header"):
            raise _unsent(where, f"the parameter {name[:60]!r} stands in {str(inside)[:20]!r}")
        schema, is_json = self._schema(node, where)
        called = argument(name)
        if called in inputs.properties:
            called = f"{called}_{inside}"
        if called in inputs.properties or (inside == "path" and name in in_path):
            raise _unsent(where, f"two parameters would both be called {called!r}")
        shape = self._shape(node.get("schema"), where)
        if inside == "path":
            _check_path(node, shape, is_json, where)
            in_path[name] = called
        elif inside == "query":
            _place_query(inputs, node, (shape, is_json), called, where)
        else:
            _place_header(inputs, node, (shape, is_json), called, where)
        told = plain(node.get("description"), 300)
        if told and isinstance(schema, dict) and "description" not in schema:
            schema = {**schema, "description": told}
        is_required = inside == "path" or node.get("required") is True
        inputs.take(called, schema, is_required=is_required)

    def _schema(self, node: JSONObject, where: str) -> tuple[JSON, bool]:
        """Return a parameter's schema, and whether its value is sent as JSON."""
        if "schema" in node:
            place = at(where, "schema")
            return self._definitions.schema(node["schema"], place, "sent"), False
        content = node.get("content")
        if isinstance(content, dict) and len(content) == 1:
            (media, held), place = next(iter(content.items())), at(where, "content")
            if JSON_TYPE.fullmatch(media) and isinstance(held, dict):
                inner = held.get("schema", {})
                return self._definitions.schema(inner, at(place, media, "schema"), "sent"), True
        raise _unsent(where, f"the parameter {str(node['name'])[:60]!r} has no schema that is read")

    def _shape(self, node: JSON, where: str) -> str:
        """Return `array`, `object` or `scalar`; what cannot be told counts as a scalar."""
        for _ in range(20):
            if not isinstance(node, dict):
                return "scalar"
            if "$ref" in node:
                node = self._source.target(node["$ref"], where)[1]
                continue
            kinds = node.get("type")
            kinds = kinds if isinstance(kinds, list) else [kinds]
            if "array" in kinds or "items" in node:
                return "array"
            if "object" in kinds or "properties" in node:
                return "object"
            parts = [part for word in ("allOf", "oneOf", "anyOf") for part in _parts(node, word)]
            shapes = [self._shape(part, where) for part in parts[:20]]
            return next((shape for shape in shapes if shape != "scalar"), "scalar")
        return "scalar"

    def _body(self, inputs: Inputs, written: JSON, where: str) -> None:
        node, where = self._source.part(written, where)
        content = node.get("content")
        if not isinstance(content, dict) or not content:
            raise UnfitError("OPENAPI-BODY", where, "the body has no content", "say its schema")
        found = [each for each in content if JSON_TYPE.fullmatch(each)]
        media = min(found, key=lambda each: each != "application/json", default=FORM_TYPE)
        files = file_types(content)
        if files and "body" not in inputs.properties:
            inputs.take("body", NAMED, is_required=True)
            inputs.upload = {"argument": "/body", "media_types": [*files]}
            inputs.notes.append(stored(at(where, "content"), "its body", files))
            return
        if media not in content:
            told = ", ".join(sorted(content))[:120]
            message = f"its body is {told!r}; JSON, forms and whole files are sent"
            raise UnfitError("OPENAPI-BODY", at(where, "content"), message, _HINT)
        place = at(where, "content", media)
        held, place = self._source.part(content[media], place)
        is_required = node.get("required") is True
        inputs.media_type = media
        raw, at_schema = held.get("schema", True), at(place, "schema")
        if media == FORM_TYPE:
            raw, at_schema = self._form(inputs, held, raw, at_schema)
        if isinstance(raw, dict) and self._take_members(inputs, raw, at_schema, is_required):
            return
        if "body" in inputs.properties:
            raise _unsent(where, "a parameter is called `body`, and so is the body")
        schema = self._definitions.schema(raw, at_schema, "sent")
        inputs.take("body", schema, is_required=is_required)
        inputs.body = "${args.body}"

    def _form(
        self, inputs: Inputs, held: JSONObject, raw: JSON, where: str
    ) -> tuple[JSONObject, str]:
        """Take how a form is written, and return its schema with its place."""
        node, where = self._source.part(raw, where)
        form = read_form(held, node, where, self._shape)
        inputs.body_styles = form.styles
        inputs.notes += [_left_out(error, "member") for error in form.unsent]
        return form.schema, where

    def _take_members(self, inputs: Inputs, raw: JSONObject, where: str, is_required: bool) -> bool:
        """Take a body's members as arguments, if it is a plain, closed object of its own names."""
        node, place = self._source.part(raw, where)
        made = self._definitions.schema(node, place, "sent")
        if not isinstance(made, dict) or made.get("type") != "object":
            return False
        properties, closed = made.get("properties"), made.get("additionalProperties", False)
        if not isinstance(properties, dict) or not made.keys() <= _WHOLE or closed is not False:
            return False
        sent = {name: part for name, part in properties.items() if part is not False}
        if not sent or sent.keys() & inputs.properties.keys():
            return False
        required = made.get("required", [])
        needed = set(required) if isinstance(required, list) else set()
        if needed and not is_required:
            return False  # all of it or nothing: members cannot say that
        for name, part in sent.items():
            inputs.take(name, part, is_required=name in needed)
        inputs.body = "*"
        return True


def _place_query(
    inputs: Inputs, node: JSONObject, form: tuple[str, bool], called: str, where: str
) -> None:
    name, (shape, is_json) = str(node["name"]), form
    style, explode = node.get("style", "form"), node.get("explode")
    is_apart = explode is True or (explode is None and style == "form")
    written: str | None = None
    if node.get("allowReserved") is True:
        raise _unsent(where, f"the parameter {name[:60]!r} is to be sent with reserved characters")
    if is_json:
        written = "json"
    elif shape == "array" and style in _SEPARATED and not is_apart:
        written = _SEPARATED[str(style)]
    elif shape == "object" and style == "form" and is_apart:
        written = "members"
    elif shape == "object" and style == "deepObject":
        written = "deep"
    elif style != "form" or shape == "object":
        raise _unsent(where, f"the parameter {name[:60]!r} has the style {str(style)[:20]!r}")
    if name in inputs.query:
        raise _unsent(where, f"the parameter {name[:60]!r} stands twice")
    inputs.query[name] = pointer(called)
    if written is not None:
        inputs.styles[name] = written


def _place_header(
    inputs: Inputs, node: JSONObject, form: tuple[str, bool], called: str, where: str
) -> None:
    name = str(node["name"])
    if not HEADER.fullmatch(name) or name.lower() in RESERVED_HEADERS | {"cookie"}:
        raise _unsent(where, f"the header {name[:60]!r} is not one that an argument may set")
    if form != ("scalar", False):
        raise _unsent(where, f"the header {name[:60]!r} is not one plain value")
    inputs.headers[name] = pointer(called)


def _check_path(node: JSONObject, shape: str, is_json: bool, where: str) -> None:
    if node.get("style", "simple") != "simple" or shape != "scalar" or is_json:
        name = str(node["name"])[:60]
        raise _unsent(where, f"the path parameter {name!r} is not one plain value")


def _filled(path: str, names: dict[str, str], where: str) -> str:
    """Return the URL's path with the arguments' names."""
    used: list[str] = _PLACEHOLDER.findall(path)
    missing = [name for name in used if name not in names]
    unused = [name for name in names if name not in used]
    if missing or unused or not path.startswith("/") or len(path) > 1000:
        told = f"{(missing or unused)[0][:60]!r}" if missing or unused else "its beginning"
        message = f"path and path parameters do not fit together: {told}"
        raise UnfitError("OPENAPI-PATH", where, message, "declare each placeholder `in: path`")
    bare = _PLACEHOLDER.sub("", path)
    if any(letter in bare for letter in "{}?#\\$") or not bare.isprintable() or " " in bare:
        message = "the path holds characters that a path cannot hold"
        raise UnfitError("OPENAPI-PATH", where, message, "query parameters are declared apart")
    if any(part in (".", "..") for part in bare.split("/")):
        raise UnfitError("OPENAPI-PATH", where, "the path leads out of itself", _HINT)
    return _PLACEHOLDER.sub(lambda found: "{" + names[found[1]] + "}", path)


def _position(order: tuple[str, ...], inside: str) -> int:
    return order.index(inside) if inside in order else len(order)


def _parts(node: JSONObject, word: str) -> list[JSON]:
    parts = node.get(word)
    return parts if isinstance(parts, list) else []


def _unsent(where: str, message: str) -> UnfitError:
    return UnfitError("OPENAPI-PARAMETER", where, f"{message}; it is not sent so", _HINT)


def _left_out(error: UnfitError, what: str = "parameter") -> Diagnostic:
    found = error.diagnostic
    return found.model_copy(update={"message": f"the {what} is left out: {found.message}"})
