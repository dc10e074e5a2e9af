"""Where a contract refers to secrets: each reference with its place."""

from collections.abc import Iterator

from remit.tool.contract import ToolContract
from remit.tool.model import Model
from remit.tool.places import Where
from remit.tool.secret import Reference, references

_NOT_SECRETS = frozenset({"kind", "url", "base", "function", "output", "prompt", "when_away"})
"""Fields, of a call or of a part of it such as its server, in which `${env:…}` stands for an
address, or nothing is resolved. A header or a variable may be called so; that is no field."""


def referring(contract: ToolContract) -> Iterator[tuple[Where, Reference]]:
    """Yield each reference of `contract` to a secret with its place."""
    for where, text in _texts(contract.call, ("call",)):
        for reference in references(text):
            yield where, reference


def _texts(value: object, where: Where) -> Iterator[tuple[Where, str]]:
    match value:
        case str():
            yield where, value
        case Model():
            for name in type(value).model_fields:
                if name not in _NOT_SECRETS:
                    yield from _texts(getattr(value, name), (*where, name))
        case list():
            for index, part in enumerate(value):
                yield from _texts(part, (*where, index))
        case dict():
            for name, part in value.items():
                yield from _texts(part, (*where, name))
