"""The references of a catalogue: which secrets there are, and which tools need them."""

from collections.abc import Iterable, Iterator

from remit.canonical import JSON
from remit.tool.contract import ToolContract
from remit.tool.secret import Reference, references

_NOT_SECRETS = frozenset({"kind", "url", "base", "function", "output"})
"""Fields in which `${env:…}` stands for an address, or nothing is resolved."""


def listed(contracts: Iterable[ToolContract]) -> dict[Reference, tuple[str, ...]]:
    """Return each reference with the tools that need it, in order."""
    found: dict[Reference, list[str]] = {}
    for contract in contracts:
        call = contract.call.model_dump(mode="json")
        for name, value in call.items():
            if name in _NOT_SECRETS and contract.call.kind != "sql":
                continue  # the URL of a database may be a secret as a whole
            for text in _texts(value):
                for reference in references(text):
                    found.setdefault(reference, []).append(contract.ref)
    return {
        reference: tuple(sorted(set(refs)))
        for reference, refs in sorted(found.items(), key=lambda pair: str(pair[0]))
    }


def _texts(value: JSON) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for part in value:
                yield from _texts(part)
        case dict():
            for part in value.values():
                yield from _texts(part)
