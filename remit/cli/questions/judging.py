"""Recorded decisions, asked again under one set of rules, and how the answers compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import JSONObject
from remit.cli.errors import stack
from remit.cli.questions.rules import serving
from remit.enforcement.deciding import recorded
from remit.enforcement.opa import OpaClient, PolicyInvalidError, PolicyUnavailableError
from remit.evidence.asked import Asked
from remit.evidence.dossier import Dossier
from remit.evidence.fields import inner

SAME, DIFFERENT, STRICTER, LOOSER = "same", "different", "stricter", "looser"
NOT_REPRODUCIBLE = "not_reproducible"
_STRICTNESS = {"allow": 0, "require_approval": 1, "deny": 2}
COMPARED = ("effect", "risk", "reasons", "permits", "obligations")
"""What a decision says; its id and moment are each asking's own."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One decision, and what was said when it was asked again."""

    asked: Asked
    verdict: str
    """`same`, `different`, `stricter` or `looser`; `not_reproducible` is never any of them."""
    why: str
    """What differs, or what is absent."""
    now: JSONObject
    """The other answer, as the ledger would keep it; empty without one."""

    @property
    def is_made(self) -> bool:
        """Whether the call was begun under the recorded decision."""
        return self.asked.kind == "intent"


async def under_then(dossier: Dossier, asked: Sequence[Asked], opa: Path) -> list[Judged]:
    """Ask each decision again under the bundle that decided then."""
    judged: dict[int, Judged] = {}
    for revision in dict.fromkeys(one.revision for one in asked):
        mine = [one for one in asked if one.revision == revision]
        bundle = await dossier.bundle(revision) if revision else None
        if bundle is None:
            what = f"the bundle {revision} is not kept" if revision else "no policy decided"
            judged.update((one.seq, _absent(one, _host(one) or what)) for one in mine)
            continue
        async with serving(opa, bundle) as client:
            for one in mine:
                judged[one.seq] = await _again(dossier, one, client, is_then=True)
    return [judged[one.seq] for one in asked]


async def under_other(
    dossier: Dossier, asked: Sequence[Asked], opa: Path, bundle: bytes
) -> list[Judged]:
    """Ask each decision again under other rules than those of its time."""
    async with serving(opa, bundle) as client:
        return [await _again(dossier, one, client, is_then=False) for one in asked]


async def _again(dossier: Dossier, asked: Asked, client: OpaClient, *, is_then: bool) -> Judged:
    if not asked.facts:
        return _absent(asked, _host(asked) or "the record names no facts")
    facts = await dossier.content(asked.facts)
    if facts is None:
        return _absent(asked, "its facts are not kept")
    read = await dossier.json(asked.facts)
    proposed = inner(read, "action").get("proposed_digest")
    expected = proposed if isinstance(proposed, str) else None
    try:
        decided = await client.decide_document(facts, expected)
    except PolicyInvalidError as error:
        now: JSONObject = {"effect": "deny", "host": error.code}
        return _compared(asked, now, is_then=is_then)
    except PolicyUnavailableError as error:
        raise stack(error.code, f"OPA did not answer: {error}", "try again") from error
    return _compared(asked, recorded(decided), is_then=is_then)


def _absent(asked: Asked, why: str) -> Judged:
    return Judged(asked, NOT_REPRODUCIBLE, why, {})


def _host(asked: Asked) -> str:
    return f"{asked.host}: the enforcement point refused by itself" if asked.host else ""


def _compared(asked: Asked, now: JSONObject, *, is_then: bool) -> Judged:
    then = asked.decision
    if is_then:
        names = [name for name in (*COMPARED, "revision") if then.get(name) != now.get(name)]
        return Judged(asked, DIFFERENT if names else SAME, _named(names), now)
    before, after = (_STRICTNESS.get(str(one.get("effect")), 2) for one in (then, now))
    names = [name for name in COMPARED if then.get(name) != now.get(name)]
    verdict = SAME if before == after else STRICTER if after > before else LOOSER
    return Judged(asked, verdict, _named(names), now)


def _named(names: Sequence[str]) -> str:
    return f"other {', '.join(names)}" if names else ""
