"""From an operation's responses to the output schema, and to what its statuses mean."""

from dataclasses import dataclass
from re import compile as pattern

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic
from remit.tool.kinds import HttpKind
from remit.tool.openapi.files import ANSWER, file_types, stored
from remit.tool.openapi.schemas import Definitions
from remit.tool.openapi.source import JSON_TYPE, Source, UnfitError, at

_STATUS = pattern(r"[1-5]([0-9][0-9]|XX)")
USUAL: tuple[int, ...] = tuple(sorted(HttpKind.model_fields["refused"].default))
"""Statuses that a contract calls refused without saying so."""
_GONE = (404, 410)
_HINT = "say what a success answers, in JSON"


@dataclass(frozen=True, slots=True)
class Answers:
    """What an operation answers."""

    schema: JSONObject
    refused: tuple[int, ...]
    """Statuses without effect; the usual ones, and all of 4xx that the document declares."""
    gone: tuple[int, ...]
    """Of these, the ones that say that a thing is not there."""
    is_nullable: bool
    """Whether a success may answer nothing."""
    accept: str
    notes: tuple[Diagnostic, ...]
    artifact: tuple[str, ...] = ()
    """Media types of the file that it answers, in place of JSON."""


def read_answers(
    source: Source, definitions: Definitions, entry: JSONObject, where: str
) -> Answers:
    """Return what the operation at `where` answers.

    Raises:
        UnfitError: it declares no success that can be read.
    """
    where = at(where, "responses")
    listed = entry.get("responses")
    if not isinstance(listed, dict):
        raise UnfitError("OPENAPI-ANSWER", where, "it declares no responses", _HINT)
    statuses = [status for status in listed if _STATUS.fullmatch(status)]
    successes = sorted(status for status in statuses if status.startswith("2"))
    if not successes:
        raise UnfitError("OPENAPI-ANSWER", where, "it declares no success (2xx)", _HINT)
    files = _files(source, listed, successes, where)
    schemas: list[JSON] = [ANSWER] if files else []
    accepts: list[str] = []
    for status in () if files else successes:
        schema, media = _answer(source, definitions, listed[status], at(where, status))
        if schema not in schemas:
            schemas.append(schema)
        accepts += [media] if media and media not in accepts else []
    notes = [_later(at(where, "202"))] if "202" in successes else []
    notes += [stored(where, "what it answers", files)] if files else []
    declared = {int(status) for status in statuses if status.isdecimal() and status[0] == "4"}
    return Answers(
        schema=_together(schemas),
        refused=tuple(sorted({*USUAL, *declared})),
        gone=tuple(status for status in _GONE if status in declared),
        is_nullable={"type": "null"} in schemas,
        accept=", ".join(accepts),
        notes=tuple(notes),
        artifact=files,
    )


def _files(source: Source, listed: JSONObject, successes: list[str], where: str) -> tuple[str, ...]:
    """Return the media types of the answers, if every success is a file."""
    found: list[str] = []
    for status in successes:
        node, _ = source.part(listed[status], at(where, status))
        media = file_types(node.get("content"))
        if not media:
            return ()
        found += media
    return tuple(dict.fromkeys(found))


def _answer(
    source: Source, definitions: Definitions, written: JSON, where: str
) -> tuple[JSON, str]:
    """Return the schema of one success, and its media type; null for an answer without content."""
    node, where = source.part(written, where)
    content = node.get("content", {})
    if not isinstance(content, dict):
        raise UnfitError("OPENAPI-SHAPE", at(where, "content"), "an object is expected here")
    if not content:
        return {"type": "null"}, ""
    where = at(where, "content")
    media = next((each for each in content if JSON_TYPE.fullmatch(each)), None)
    if media is None and "*/*" in content:
        media = "*/*"
    if media is None:
        told = ", ".join(sorted(content))[:120]
        raise UnfitError("OPENAPI-ANSWER", where, f"it answers {told!r} in place of JSON", _HINT)
    held, place = source.part(content[media], at(where, media))
    schema = definitions.schema(held.get("schema", True), at(place, "schema"), "answered")
    return schema, media if media != "*/*" else "application/json"


def _together(schemas: list[JSON]) -> JSONObject:
    if len(schemas) > 1:
        return {"anyOf": schemas}
    only = schemas[0]
    if isinstance(only, dict):
        return only
    return {} if only else {"not": {}}


def _later(where: str) -> Diagnostic:
    return Diagnostic(
        code="OPENAPI-LATER",
        path=where,
        message="202 says that it will happen; Remit takes it for done",
        hint="let a step after it wait for the result, or read back",
    )
