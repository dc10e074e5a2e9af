"""An OpenAPI document: its version, and references inside it. Nothing outside is asked for."""

import re
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import unquote

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic, InvalidDocumentError, pointer
from remit.tool.document import DocumentError, parse_json, parse_yaml
from remit.tool.pointer import PointerError, follow

MAX_BYTES = 8 * 1024 * 1024
"""Largest document that is read."""
JSON_TYPE = re.compile(r"application/([a-z0-9.+-]+\+)?json")
"""Media types of bodies that are read and sent."""
HEADER = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""Names of headers that are set."""
_OWN_DIALECTS = (
    "https://spec.openapis.org/oas/3.1/dialect/base",
    "https://json-schema.org/draft/2020-12/schema",
)
_MAX_CHAIN = 20


class UnfitError(ValueError):
    """A part of the document cannot be taken; `diagnostic` says which and why."""

    def __init__(self, code: str, path: str, message: str, hint: str = "") -> None:
        self.diagnostic = Diagnostic(code=code, path=path, message=message[:500], hint=hint)
        super().__init__(f"{code} at {path}: {message}")


@dataclass(frozen=True, slots=True)
class Source:
    """A document of OpenAPI 3.0 or 3.1."""

    root: JSONObject
    is_old: bool
    """Whether it is of 3.0, whose schemas are no JSON Schema 2020-12."""

    @classmethod
    def read(cls, content: bytes) -> "Source":
        """Read a document in JSON or YAML.

        Raises:
            InvalidDocumentError: it is none, or of another version.
        """
        if len(content) > MAX_BYTES:
            message = f"the document is larger than {MAX_BYTES // 2**20} MiB"
            hint = "split it, or cut out the operations that are wanted"
            _refuse("OPENAPI-TOO-LARGE", "", message, hint)
        root = _parsed(content)
        if not isinstance(root, dict):
            _refuse("OPENAPI-VERSION", "", "this is no OpenAPI document", "it is an object")
        version = root.get("openapi", root.get("swagger"))
        if not isinstance(version, str) or not version.startswith(("3.0.", "3.1.")):
            told = repr(version[:20]) if isinstance(version, str) else "not stated"
            message = f"its version is {told}; 3.0 and 3.1 are read"
            hint = "convert it to OpenAPI 3.1 with the tool that makes it"
            _refuse("OPENAPI-VERSION", "/openapi", message, hint)
        dialect = root.get("jsonSchemaDialect", _OWN_DIALECTS[0])
        if dialect not in _OWN_DIALECTS:
            message = "its schemas are of another dialect than JSON Schema 2020-12"
            _refuse("OPENAPI-DIALECT", "/jsonSchemaDialect", message, "write them in 2020-12")
        if not isinstance(root.get("paths"), dict):
            _refuse("OPENAPI-SHAPE", "/paths", "it has no `paths`", "name the operations there")
        return cls(root, version.startswith("3.0."))

    def target(self, ref: JSON, where: str) -> tuple[str, JSON]:
        """Return the pointer that the reference `ref` names, and what stands there.

        Raises:
            UnfitError: it leads out of the document, or nowhere.
        """
        if not isinstance(ref, str) or not ref.startswith("#"):
            message = f"the reference {str(ref)[:120]!r} leads out of the document"
            hint = "bundle the document into one file; nothing else is fetched"
            raise UnfitError("OPENAPI-REF-REMOTE", where, message, hint)
        place = unquote(ref.removeprefix("#"))
        try:
            found = follow(self.root, place) if place else None
        except PointerError:
            found = None
        if found is None:
            message = f"the reference {ref[:120]!r} leads nowhere"
            raise UnfitError("OPENAPI-REF", where, message, "name a part of this document")
        return place, found

    def part(self, node: JSON, where: str) -> tuple[JSONObject, str]:
        """Return the object at `node`, references followed, and its pointer.

        Raises:
            UnfitError: it is no object, or its references lead in a circle or nowhere.
        """
        for _ in range(_MAX_CHAIN):
            if not isinstance(node, dict):
                raise UnfitError("OPENAPI-SHAPE", where, "an object is expected here")
            if "$ref" not in node:
                return node, where
            where, node = self.target(node["$ref"], where)
        hint = "let one of them say what it means"
        raise UnfitError("OPENAPI-REF-CYCLE", where, "references lead in a circle", hint)


def at(where: str, *parts: str | int) -> str:
    """Return the pointer of `parts` below `where`."""
    return where + pointer(*parts)


def _parsed(content: bytes) -> JSON:
    try:
        if content.lstrip()[:1] in (b"{", b"["):
            return parse_json(content, foreign=True)
        documents = parse_yaml(content, foreign=True)
    except DocumentError as error:
        _refuse("OPENAPI-NOT-READ", "", str(error), "put the text right")
    if len(documents) != 1:
        _refuse("OPENAPI-NOT-READ", "", f"it holds {len(documents)} documents", "keep one")
    return documents[0]


def _refuse(code: str, path: str, message: str, hint: str) -> NoReturn:
    raise InvalidDocumentError([Diagnostic(code=code, path=path, message=message, hint=hint)])
