"""What was imported from somebody else's description of their tools, before it is written down.

Every way of importing ends here: it gives contracts as a file writes them, says what it left out
and why, and what it took that is worth a look. What is no contract without faults is left out too,
so that whatever stands in a written file can be loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from remit.canonical import JSON, Digest, JSONObject
from remit.diagnostic import Diagnostic, InvalidDocumentError
from remit.tool.checks import faults
from remit.tool.contract import ToolContract
from remit.tool.model import shape_fault
from remit.tool.written import Shared, contracts_in, refers_to


@dataclass(frozen=True, slots=True)
class Imported:
    """Contracts of one service."""

    by: str
    """The way of importing, e.g. `openapi`."""
    source: str
    """Where the description was, without anything secret."""
    document: Digest
    """Digest of the description."""
    about: JSONObject
    """What the description says of itself: title and version."""
    defaults: JSONObject
    schemas: JSONObject
    tools: tuple[JSONObject, ...]
    places: Mapping[str, str]
    """Name of a tool to the JSON pointer of its operation in the description."""
    options: JSONObject = field(default_factory=dict)
    """What whoever imports said, to be said again by the next import."""
    left_out: tuple[Diagnostic, ...] = ()
    """Operations that were not taken; the path is the operation's, or points into it."""
    notes: tuple[Diagnostic, ...] = ()
    """What was taken and is worth a look."""

    def body(self) -> JSONObject:
        """Return what a file writes below the account of where it is from."""
        used = _used(self.tools, self.schemas)
        schemas: JSONObject = {name: self.schemas[name] for name in sorted(used)}
        parts: JSONObject = {"defaults": self.defaults}
        return parts | ({"schemas": schemas} if schemas else {}) | {"tools": list(self.tools)}

    def fit(self) -> "Imported":
        """Return it without the tools that are no contracts, or not without each other.

        Raises:
            InvalidDocumentError: `IMPORT-EMPTY`, with the reasons: that leaves none.
        """
        left = self
        while True:
            kept, dropped = left._sound()
            left = replace(left, tools=kept, left_out=(*left.left_out, *dropped))
            if not kept:
                hint = "see why, and what --only asks for"
                nothing = Diagnostic(
                    code="IMPORT-EMPTY", path="", message="no tool is taken", hint=hint
                )
                raise InvalidDocumentError([nothing, *left.left_out[:50]])
            if not dropped:
                return left

    def _sound(self) -> tuple[tuple[JSONObject, ...], list[Diagnostic]]:
        made: list[tuple[JSONObject, ToolContract]] = []
        dropped: list[Diagnostic] = []
        for tool, written in zip(self.tools, contracts_in(self.body()), strict=True):
            try:
                made.append((tool, ToolContract.model_validate(written.document)))
            except ValidationError as error:
                said = shape_fault(error)
                dropped.append(self._without(str(tool.get("name")), "TOOL-SHAPE", said))
        by_ref = {contract.ref: contract for _, contract in made}
        kept: list[JSONObject] = []
        for tool, contract in made:
            found = next(faults(contract, by_ref), None)
            if found is None:
                kept.append(tool)
            else:
                dropped.append(self._without(contract.name, found.code, found.message))
        return tuple(kept), dropped

    def _without(self, name: str, code: str, message: str) -> Diagnostic:
        hint = "put the description right, or write this contract by hand"
        path = self.places.get(name, "")
        return Diagnostic(code=code, path=path, message=f"left out: {message}"[:500], hint=hint)


def private_note(host: str) -> Diagnostic:
    """Return what is said aloud when `private` of the contracts follows from where a host is."""
    message = f"{host[:120]!r} is at a private address: the contracts allow it that (`private`)"
    hint = "see that it is the host you mean; `private: null` in the overrides takes it back"
    return Diagnostic(code="IMPORT-PRIVATE", path="/private", message=message, hint=hint)


def _used(tools: tuple[JSONObject, ...], schemas: JSON) -> set[str]:
    shared, used = Shared(schemas), set[str]()
    for name in {name for tool in tools for name in refers_to(list(tool.values()))}:
        used |= shared.reached({"$ref": f"#/$defs/{name}"})
    return used
