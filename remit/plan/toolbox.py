"""Tools as the compiler sees them: contract, digest and shapes, each worked out once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from remit.canonical import Digest
from remit.plan.arguments import Target
from remit.plan.compiled import Limits
from remit.plan.shape import Shape, of_schema
from remit.tool.contract import ToolContract


class ToolSource(Protocol):
    """Where contracts come from, e.g. `remit.tool.catalogue.Catalogue`."""

    def find(self, ref: str, /) -> ToolContract | None:
        """Return the contract of `name@major`, or `None`."""
        ...

    @property
    def refs(self) -> Sequence[str]:
        """Every `name@major`."""
        ...


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the catalogue."""

    contract: ToolContract
    digest: Digest
    target: Target
    output: Shape


class Toolbox:
    """What one compilation has at hand: the tools it has asked for, limits, the default queue."""

    def __init__(self, source: ToolSource, limits: Limits, queue: str | None) -> None:
        self.limits = limits
        self.queue = queue
        self._source = source
        self._found: dict[str, Tool | None] = {}

    def find(self, ref: str) -> Tool | None:
        """Return the tool of `name@major`, or `None`."""
        if ref not in self._found:
            contract = self._source.find(ref)
            self._found[ref] = None if contract is None else _known(contract)
        return self._found[ref]

    def successor(self, ref: str) -> ToolContract | None:
        """Return the contract that takes over the calls of `ref`, by its `upcast`, if one does.

        Of several the lowest major, so that one more changes nothing.
        """
        name, _, major = ref.rpartition("@")
        found: dict[int, ToolContract] = {}
        for other in self._source.refs:
            tool = self.find(other) if other.startswith(f"{name}@") else None
            cast = None if tool is None else tool.contract.upcast
            if tool is not None and cast is not None and str(cast.major) == major:
                found[int(other.rpartition("@")[2])] = tool.contract
        return found[min(found)] if found else None

    @property
    def refs(self) -> Sequence[str]:
        """Every `name@major` that there is."""
        return self._source.refs


def _known(contract: ToolContract) -> Tool:
    schema = contract.input_schema
    return Tool(
        contract=contract,
        digest=contract.digest,
        target=Target(contract.ref, schema, of_schema(schema)),
        output=of_schema(contract.output_schema),
    )
