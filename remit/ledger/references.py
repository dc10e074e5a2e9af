"""Which contents a record names, and what they are: arguments, an output, a plan, a person's word.

Nothing in a record is asked to say so a second time: the names of its fields tell. Whatever looks
like a digest and has a name that nobody knows counts as a content too, so that a record of a later
kind loses nothing. Nothing here does I/O.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from remit.canonical import DIGEST, JSON, Digest, JSONObject

KEPT = frozenset({"plan", "compiled", "contract", "history"})
"""Kinds that stay: what was to be done and under which terms, and what verifies the rest."""
PLANS = frozenset({"plan", "compiled"})
"""Kinds of those that go when somebody orders it: a plan may carry inputs and arguments."""

_KINDS: Mapping[str, str] = {
    "arguments": "arguments",
    "output": "output",
    "inputs": "inputs",
    "evidence": "evidence",
    "card": "card",
    "facts": "facts",
    "body": "vote",
    "plan_digest": "plan",
    "compiled": "compiled",
    "base": "compiled",
    "contract": "contract",
    "history": "history",
}
_OTHER = frozenset(
    {
        "request",
        "proposed",
        "enforced",
        "revision",
        "policies",
        "grants",
        "archive",
        "report",
        "artifact",
    }
)
"""Fields whose digests name no content: of a request, of policy bundles and their releases, of
artifacts."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A content that a record names."""

    digest: Digest
    kind: str
    contract: Digest
    """Contract of the tool whose call it belongs to, where the record itself says so."""


def references(kind: str, body: JSONObject) -> Iterator[Reference]:
    """Yield the contents that a record names, each once."""
    if kind == "forgotten":
        return
    seen: set[Digest] = set()
    for one in _below(body, "", ""):
        if one.digest not in seen:
            seen.add(one.digest)
            yield one


def digests_in(value: JSON) -> Iterator[Digest]:
    """Yield every text below `value` that has the form of a digest."""
    if isinstance(value, str):
        if DIGEST.match(value):
            yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from digests_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from digests_in(part)


def _below(value: JSON, name: str, contract: Digest) -> Iterator[Reference]:
    if isinstance(value, str):
        if DIGEST.match(value):
            yield Reference(value, _KINDS.get(name, "other"), contract)
    elif isinstance(value, list):
        for part in value:
            yield from _below(part, name, contract)
    elif isinstance(value, dict):
        own = value.get("contract")
        inner = own if isinstance(own, str) else contract
        # What must stay comes first: a value that is both is not forgotten.
        for field in sorted(value, key=lambda one: _KINDS.get(one) not in KEPT):
            if field not in _OTHER:
                yield from _below(value[field], field, inner)
