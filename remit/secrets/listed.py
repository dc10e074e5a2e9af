"""The references of a catalogue: which secrets there are, and which tools need them."""

from collections.abc import Iterable, Iterator, Mapping

from remit.tool.contract import ToolContract
from remit.tool.oauth import SCHEME, OAuthClient
from remit.tool.referring import referring
from remit.tool.secret import Reference, references


def listed(
    contracts: Iterable[ToolContract], clients: Mapping[str, OAuthClient]
) -> dict[Reference, tuple[str, ...]]:
    """Return each reference with the tools that need it, in order.

    A tool that needs an access token needs the secret of the client that gets it.
    """
    found: dict[Reference, list[str]] = {}
    for contract in contracts:
        for _, reference in referring(contract):
            for needed in (reference, *_behind(reference, clients)):
                found.setdefault(needed, []).append(contract.ref)
    return {
        reference: tuple(sorted(set(refs)))
        for reference, refs in sorted(found.items(), key=lambda pair: str(pair[0]))
    }


def _behind(reference: Reference, clients: Mapping[str, OAuthClient]) -> Iterator[Reference]:
    client = clients.get(reference.name) if reference.scheme == SCHEME else None
    for text in () if client is None else client.credentials:
        yield from references(text)
