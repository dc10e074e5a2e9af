"""From an OpenAPI document to tool contracts of kind `http`. Pure: the same in, the same out.

Each operation becomes a contract or is left out with a reason; the reason of one never touches
another. The result is in the document's order and holds no moment, so that it can be compared.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from remit.canonical import JSON, JSONObject, digest
from remit.diagnostic import Diagnostic, InvalidDocumentError
from remit.tool.contract import Idempotency
from remit.tool.imported import Imported
from remit.tool.openapi.annotations import Reader, Said, read_annotations
from remit.tool.openapi.answers import USUAL, Answers, read_answers
from remit.tool.openapi.inputs import InputReader, Inputs
from remit.tool.openapi.schemas import Definitions
from remit.tool.openapi.security import Secured, read_security
from remit.tool.openapi.servers import Server, ServerReader
from remit.tool.openapi.source import Source, UnfitError, at
from remit.tool.openapi.wanted import Wanted
from remit.tool.texts import is_tool_name, plain, segment

METHODS = ("get", "put", "post", "delete", "patch")
_UNCALLED = ("head", "options", "trace")


@dataclass(frozen=True, slots=True)
class _Found:
    """An operation where it stands."""

    path: str
    method: str
    item: JSONObject
    item_at: str
    entry: JSONObject
    where: str

    @property
    def operation_id(self) -> str | None:
        told = self.entry.get("operationId")
        return told if isinstance(told, str) and told.strip() else None

    @property
    def shown(self) -> str:
        return f"{self.method.upper()} {self.path}"


@dataclass(slots=True)
class _Draft:
    """A contract, before it is known which others there are."""

    found: _Found
    name: str
    domain: str
    tool: JSONObject
    said: Said
    server: Server


class Importer:
    """Makes the contracts of one document."""

    def __init__(self, source: Source, wanted: Wanted) -> None:
        self._source = source
        self._wanted = wanted
        self._definitions = Definitions(source)
        self._inputs = InputReader(source, self._definitions)
        self._servers = ServerReader(source, wanted)
        self._left_out: list[Diagnostic] = []
        self._notes: list[Diagnostic] = []
        self._undos = _undoing(source.root["paths"])

    def imported(self) -> Imported:
        """Return everything that is wanted and can be taken.

        Raises:
            InvalidDocumentError: that is nothing at all.
        """
        drafts = self._apart([draft for found in self._found() if (draft := self._draft(found))])
        by_id = {each.found.operation_id: each.name for each in drafts}
        tools = [self._finished(draft, by_id) for draft in drafts]
        defaults = self._shared(drafts, tools)
        info = self._source.root.get("info")
        about = info if isinstance(info, dict) else {}
        return Imported(
            by="openapi",
            source=self._wanted.source,
            document=digest(self._source.root),
            about={each: plain(about.get(each), 120) for each in ("title", "version")},
            defaults=defaults,
            schemas=dict(self._definitions.schemas),
            tools=tuple(tools),
            places={draft.name: draft.found.where for draft in drafts},
            options=self._wanted.options,
            left_out=tuple(self._left_out),
            notes=(*self._servers.notes, *self._notes),
        ).fit()

    def _found(self) -> Iterator[_Found]:
        paths = self._source.root["paths"]
        ids = _counted_ids(paths)
        for path, written in paths.items() if isinstance(paths, dict) else ():
            if not path.startswith("/"):
                continue
            where = at("/paths", path)
            try:
                item, item_at = self._source.part(written, where)
            except UnfitError as error:
                self._left_out.append(error.diagnostic)
                continue
            for method in (*METHODS, *_UNCALLED):
                if method in item:
                    found = self._one(path, method, item, item_at, ids)
                    if found is not None:
                        yield found

    def _one(
        self, path: str, method: str, item: JSONObject, item_at: str, ids: Counter[str]
    ) -> _Found | None:
        entry, where = item[method], at(item_at, method)
        if not isinstance(entry, dict):
            self._leave("OPENAPI-SHAPE", where, "an operation is an object", "put it right")
            return None
        found = _Found(path, method, item, item_at, entry, where)
        if not self._wanted.takes(*self._names_of(found)):
            return None
        if method in _UNCALLED:
            message = f"{found.shown[:100]}: the method is not one that tools are called by"
            self._leave("OPENAPI-METHOD", where, message, "")
            return None
        if found.operation_id is not None and ids[found.operation_id] > 1:
            message = f"the operation id {found.operation_id[:60]!r} stands more than once"
            self._leave("OPENAPI-DUPLICATE-ID", where, message, "give each operation its own")
            return None
        return found

    def _names_of(self, found: _Found) -> list[str]:
        told = [found.operation_id] if found.operation_id else []
        return [*told, found.shown, self._name(found, None)[0]]

    def _draft(self, found: _Found) -> _Draft | None:
        try:
            return self._read(found)
        except UnfitError as error:
            told = error.diagnostic
            message = f"{found.shown[:100]}: {told.message}"
            self._leave(told.code, told.path or found.where, message, told.hint)
            return None

    def _read(self, found: _Found) -> _Draft | None:
        entry, where = found.entry, found.where
        inputs = self._inputs.read(found.path, found.item, entry, found.item_at, where)
        said = read_annotations(entry, where, found.method.upper(), inputs.key_header)
        if said.is_skipped:
            self._leave("OPENAPI-SKIPPED", where, "the document says `x-remit-skip`", "")
            return None
        answers = read_answers(self._source, self._definitions, entry, where)
        secured = read_security(self._source, self._wanted, entry, where)
        root = (self._source.root, "")
        server = self._servers.of((entry, where), (found.item, found.item_at), root)
        server = server.beside(secured.hosts)
        name, domain = self._name(found, said.name)
        if found.operation_id is None and said.name is None:
            message = f"{found.shown[:100]} has no operation id; it is called {name!r}"
            self._note("OPENAPI-NO-ID", where, message, "give it one: this name follows its path")
        for note in (*inputs.notes, *said.notes, *answers.notes, *secured.notes):
            if note not in self._notes:
                self._notes.append(note)
        tool = _contract(found, name, said)
        tool["call"] = _call(found, said, inputs, answers, secured)
        tool["input_schema"], tool["output_schema"] = inputs.schema, answers.schema
        return _Draft(found, name, domain, tool, said, server)

    def _name(self, found: _Found, told: str | None) -> tuple[str, str]:
        """Return the tool's name and its domain."""
        first = self._wanted.domains[0]
        if told is not None:
            return f"{first}.{segment(told)}", first
        known = found.operation_id
        if known is None:
            return f"{first}.{segment(f'{found.method} {found.path}')}", first
        head, _, rest = known.partition(".")
        if is_tool_name(known) and rest and head in self._wanted.domains:
            return known, head
        return f"{first}.{segment(known)}", first

    def _apart(self, drafts: list[_Draft]) -> list[_Draft]:
        """Leave out what would have one name."""
        count = Counter(draft.name for draft in drafts)
        kept: list[_Draft] = []
        for draft in drafts:
            if count[draft.name] == 1:
                kept.append(draft)
                continue
            message = f"{draft.found.shown[:100]}: another one would be called {draft.name!r} too"
            hint = "say `x-remit-name`, or give them ids that differ in more than case"
            self._leave("OPENAPI-NAME", draft.found.where, message, hint)
        return kept

    def _finished(self, draft: _Draft, by_id: dict[str | None, str]) -> JSONObject:
        """Return the contract, with what undoes it and what it costs to be careless."""
        tool, said, where = draft.tool, draft.said, draft.found.where
        self._refer(tool, "read_back", "read-back", said.read_back, by_id, where)
        if said.operation.has_effect:
            undo = None if said.is_irreversible else said.compensate
            self._refer(tool, "compensation", "compensate", undo, by_id, where)
            is_undo = draft.found.operation_id in self._undos
            if "compensation" not in tool and not is_undo:
                tool["irreversible"] = True
                if not said.is_irreversible:
                    message = f"nothing is said to undo {draft.name!r}: it is `irreversible`"
                    hint = "`x-remit-compensate`, or a compensation in the overrides"
                    self._note("OPENAPI-NO-UNDO", where, message, hint)
            if said.idempotency is Idempotency.NONE:
                message = f"a lost answer of {draft.name!r} leaves it in doubt: it takes no key"
                hint = "an `Idempotency-Key` header, or `x-remit-idempotency`"
                self._note("OPENAPI-NO-KEY", where, message, hint)
        return tool

    def _refer(
        self,
        tool: JSONObject,
        field: str,
        word: str,
        reader: Reader | None,
        by_id: dict[str | None, str],
        where: str,
    ) -> None:
        if reader is None:
            return
        name = by_id.get(reader.operation)
        if name is None:
            message = f"`x-remit-{word}` names {reader.operation[:60]!r}, which is not taken"
            self._note("OPENAPI-ANNOTATION", where, message, "import that one too")
            return
        tool[field] = {"tool": f"{name}@1", "args": reader.args, **reader.more}

    def _shared(self, drafts: list[_Draft], tools: list[JSONObject]) -> JSONObject:
        """Move what all have in common out of the tools, and return it."""
        common: JSONObject = {
            "version": "1.0.0",
            "owner": self._wanted.owner,
            "domain": self._wanted.domains[0],
            "region": self._wanted.region,
        }
        if not drafts:
            return common
        (first, _), *_ = Counter(draft.server for draft in drafts).most_common(1)
        common |= _reached(first)
        common["call"] = {"kind": "http", "base": first.base}
        for draft, tool in zip(drafts, tools, strict=True):
            if draft.domain != common["domain"]:
                tool["domain"] = draft.domain
            call = tool["call"]
            if draft.server != first and isinstance(call, dict):
                tool |= _reached(draft.server)
                tool["call"] = {"base": draft.server.base, **call}
        return common

    def _leave(self, code: str, where: str, message: str, hint: str) -> None:
        self._left_out.append(Diagnostic(code=code, path=where, message=message, hint=hint))

    def _note(self, code: str, where: str, message: str, hint: str) -> None:
        self._notes.append(Diagnostic(code=code, path=where, message=message, hint=hint))


def _reached(server: Server) -> JSONObject:
    """Return the fields of a contract that say where it may go."""
    reached: JSONObject = {"destinations": [*server.destinations]}
    return reached | ({"private": [*server.private]} if server.private else {})


def _counted_ids(paths: JSON) -> Counter[str]:
    items = paths.values() if isinstance(paths, dict) else ()
    return Counter(
        str(entry["operationId"])
        for item in items
        if isinstance(item, dict)
        for method, entry in item.items()
        if method in METHODS + _UNCALLED and isinstance(entry, dict) and "operationId" in entry
    )


def _undoing(paths: JSON) -> frozenset[str]:
    """Return the ids of operations that are named as what undoes another."""
    items = paths.values() if isinstance(paths, dict) else ()
    entries = (entry for item in items if isinstance(item, dict) for entry in item.values())
    told = (entry.get("x-remit-compensate") for entry in entries if isinstance(entry, dict))
    return frozenset(
        str(undo["operation"]) for undo in told if isinstance(undo, dict) and "operation" in undo
    )


def _contract(found: _Found, name: str, said: Said) -> JSONObject:
    entry = found.entry
    text = plain(entry.get("summary"), 300) or plain(entry.get("description"), 300)
    made: JSONObject = {
        "name": name,
        "description": text or plain(found.shown, 300),
        "operation": said.operation.value,
        "idempotency": said.idempotency.value,
    }
    return made | said.fields


def _call(
    found: _Found, said: Said, inputs: Inputs, answers: Answers, secured: Secured
) -> JSONObject:
    call: JSONObject = {"method": found.method.upper(), **inputs.call()}
    headers: JSONObject = dict(secured.headers)
    taken = {name.lower() for name in inputs.headers} & {name.lower() for name in headers}
    if taken:
        message = f"an argument would set {sorted(taken)[0]!r}, which carries the secret"
        raise UnfitError("OPENAPI-AUTH", found.where, message, "drop the parameter")
    if answers.artifact:
        call["artifact"] = {"media_types": [*answers.artifact]}
    if answers.accept not in ("", "application/json"):
        headers["accept"] = answers.accept
    if headers:
        call["headers"] = headers
    if said.key_header is not None and said.operation.has_effect:
        call["idempotency_header"] = said.key_header
    if answers.refused != USUAL:
        call["refused"] = list(answers.refused)
    is_repeatable = found.method == "delete" and said.idempotency is Idempotency.NATURAL
    if is_repeatable and answers.is_nullable and answers.gone:
        call["already"] = list(answers.gone)
    return call


def import_openapi(content: bytes, wanted: Wanted) -> Imported:
    """Return the contracts of the OpenAPI document `content`.

    Raises:
        InvalidDocumentError: it is no document that is read, or nothing of it can be taken.
    """
    source = Source.read(content)
    try:
        return Importer(source, wanted).imported()
    except UnfitError as error:
        raise InvalidDocumentError([error.diagnostic]) from error
