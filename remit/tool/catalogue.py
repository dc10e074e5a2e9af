"""All tools that plans may name: contracts that were checked together.

A catalogue either stands without faults or is not made at all; every fault is reported at once.
It is a value: nothing here calls a tool, reads a file or looks at the environment.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from remit.canonical import Digest, digest
from remit.diagnostic import Diagnostic, InvalidDocumentError, pointer
from remit.tool.checks import faults, warnings
from remit.tool.contract import ToolContract


class Catalogue:
    """Tool contracts by `name@major`. Build it with `Catalogue.of`."""

    def __init__(
        self, by_ref: Mapping[str, ToolContract], found: tuple[Diagnostic, ...] = ()
    ) -> None:
        self._by_ref = dict(by_ref)
        self.warnings = found
        """What is allowed but worth a look, e.g. an effect that nothing undoes."""

    @classmethod
    def of(cls, contracts: Iterable[ToolContract]) -> "Catalogue":
        """Check `contracts` together.

        Paths of the findings begin with the tool's `name@major`.

        Raises:
            InvalidDocumentError: with every fault of every contract.
        """
        by_ref: dict[str, ToolContract] = {}
        found: list[Diagnostic] = []
        for contract in contracts:
            if contract.ref in by_ref:
                found.append(_duplicate(contract, by_ref[contract.ref]))
            by_ref.setdefault(contract.ref, contract)
        for contract in by_ref.values():
            found.extend(faults(contract, by_ref))
        if found:
            raise InvalidDocumentError(found)
        notes = tuple(note for contract in by_ref.values() for note in warnings(contract, by_ref))
        return cls({ref: by_ref[ref] for ref in sorted(by_ref)}, notes)

    def find(self, ref: str) -> ToolContract | None:
        """Return the contract of `name@major`, or `None`."""
        return self._by_ref.get(ref)

    def __iter__(self) -> Iterator[ToolContract]:
        return iter(self._by_ref.values())

    def __len__(self) -> int:
        return len(self._by_ref)

    @cached_property
    def refs(self) -> tuple[str, ...]:
        """Every `name@major`, sorted."""
        return tuple(self._by_ref)

    @cached_property
    def digests(self) -> Mapping[str, Digest]:
        """The contracts' digests by `name@major`."""
        return {ref: contract.digest for ref, contract in self._by_ref.items()}

    @cached_property
    def digest(self) -> Digest:
        """One digest that changes when any contract does."""
        return digest(dict(self.digests))


def _duplicate(second: ToolContract, first: ToolContract) -> Diagnostic:
    return Diagnostic(
        code="TOOL-DUPLICATE",
        path=pointer(second.ref),
        message=f"{second.ref!r} is described twice (versions {first.version}, {second.version})",
        hint="keep one contract per name and major version",
    )
