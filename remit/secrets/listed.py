"""The references of a catalogue: which secrets there are, and which tools need them."""

from collections.abc import Iterable, Iterator

from remit.tool.contract import ToolContract
from remit.tool.model import Model
from remit.tool.secret import Reference, references

_NOT_SECRETS = frozenset({"kind", "url", "base", "function", "output", "prompt", "when_away"})
"""Fields, of a call or of a part of it such as its server, in which `${env:…}` stands for an
address, or nothing is resolved. A header or a variable may be called so; that is no field."""


def listed(contracts: Iterable[ToolContract]) -> dict[Reference, tuple[str, ...]]:
    """Return each reference with the tools that need it, in order."""
    found: dict[Reference, list[str]] = {}
    for contract in contracts:
        for text in _texts(contract.call):
            for reference in references(text):
                found.setdefault(reference, []).append(contract.ref)
    return {
        reference: tuple(sorted(set(refs)))
        for reference, refs in sorted(found.items(), key=lambda pair: str(pair[0]))
    }


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Model():
            for name in type(value).model_fields:
                if name not in _NOT_SECRETS:
                    yield from _texts(getattr(value, name))
        case list():
            for part in value:
                yield from _texts(part)
        case dict():
            for part in value.values():
                yield from _texts(part)
