"""Who said what about a run: votes, orders, answers to doubts, amendments; and who is proven."""

from dataclasses import dataclass

from remit.canonical import JSON, JSONObject
from remit.evidence.dossier import Dossier
from remit.evidence.fields import inner, objects, text, whole


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a person said."""

    seq: int
    at_ms: int
    by: str
    what: str
    """`approve`, `reject`, an order's name, `resolve_doubt`, `repair`, `amend`."""
    place: str
    """Gate, path, or the run."""
    node: str
    """Node of the lineage that it is about; empty for the run."""
    is_counted: bool
    """Whether it had any effect."""
    is_verified: bool | None
    """Whether the name was proven; `None` when nothing tells."""
    role: str = ""
    reason: str = ""

    @property
    def words(self) -> str:
        """Return it in a line."""
        role = f" as {self.role}" if self.role else ""
        place = f" at {self.place}" if self.place else ""
        no = "" if self.is_counted else ", did not count"
        why = f": {self.reason}" if self.reason else ""
        return f"{self.by} ({verified(self.is_verified)}){role}: {self.what}{place}{no}{why}"

    def documented(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        return {
            "record": self.seq,
            "by": self.by,
            "verified": self.is_verified,
            "role": self.role or None,
            "what": self.what,
            "place": self.place or None,
            "counted": self.is_counted,
            "reason": self.reason or None,
        }


def verified(is_verified: bool | None) -> str:
    """Return whether a name was proven, in words."""
    return {True: "verified", False: "unverified", None: "not told"}[is_verified]


async def said_about(dossier: Dossier) -> dict[str, list[Said]]:
    """Return what people said, by the node of the lineage that it is about."""
    found: dict[str, list[Said]] = {}
    for said in await everything_said(dossier):
        if said.node:
            found.setdefault(said.node, []).append(said)
    return found


async def everything_said(dossier: Dossier) -> list[Said]:
    """Return what people said about a run, in order."""
    reader = _Reader(dossier)
    for record in dossier.records:
        body = record["body"]
        if isinstance(body, dict):
            await reader.take(text(record, "kind"), record, body)
    return reader.found


class _Reader:
    """Reads the records once, in order."""

    def __init__(self, dossier: Dossier) -> None:
        self.found: list[Said] = []
        self._dossier = dossier
        self._gates: dict[str, tuple[str, str]] = {}
        self._proven: dict[str, bool | None] = {}
        """By event of a vote or an order: what its decision was told of the name."""

    async def take(self, kind: str, record: JSONObject, body: JSONObject) -> None:
        """Take one record."""
        if kind == "gate" and "opened_ms" in body:
            prefix = "undo:" if text(body, "direction") == "undo" else ""
            self._gates[text(body, "gate")] = prefix + text(body, "path"), text(body, "role")
        elif kind == "decision" and text(body, "facts"):
            facts = await self._facts(text(body, "facts"))
            self._proven[text(body, "about")] = _proof(facts, "vote")
        elif kind == "vote":
            self._vote(record, body)
        elif kind == "order":
            await self._order(record, body)
        elif kind in ("resolve", "repair"):
            await self._answer(kind, record, body)
        elif kind == "decision" and text(body, "about") == "amendment":
            self._amendment(record, body)

    async def _facts(self, digest: str) -> JSON:
        return await self._dossier.json(digest) if digest else None

    def _vote(self, record: JSONObject, body: JSONObject) -> None:
        gate = text(body, "gate")
        node, role = self._gates.get(gate, ("", ""))
        self._add(
            record,
            by=text(body, "by"),
            what=text(body, "verdict"),
            place=f"gate {gate}" if gate else "no gate",
            node=node,
            is_counted=body.get("counted") is True,
            is_verified=self._proven.get(text(body, "event")),
            role=role,
            reason=text(body, "reason") or text(body, "code"),
        )

    async def _order(self, record: JSONObject, body: JSONObject) -> None:
        judged = inner(body, "decision")
        facts = await self._facts(text(judged, "facts"))
        self._add(
            record,
            by=text(body, "by"),
            what=text(body, "order"),
            place=text(body, "path"),
            node=text(body, "path"),
            is_counted=text(judged, "effect") == "allow",
            is_verified=_proof(facts, "order"),
            reason=text(body, "reason"),
        )

    async def _answer(self, kind: str, record: JSONObject, body: JSONObject) -> None:
        told = await self._dossier.json(text(body, "evidence"))
        path = text(body, "path")
        undo = "undo:" if text(body, "direction") == "undo" else ""
        happened = "it happened" if body.get("happened") is True else "it did not happen"
        self._add(
            record,
            by=text(told, "by") or "not kept",
            what=text(body, "order") if kind == "repair" else happened,
            place=undo + path,
            node=undo + path,
            is_counted=True,
            is_verified=None,
            reason=text(told, "reason"),
        )

    def _amendment(self, record: JSONObject, body: JSONObject) -> None:
        refused = objects(body, "refused")
        self._add(
            record,
            by=text(body, "by") or "somebody unnamed",
            what="amend",
            place="",
            node="",
            is_counted=not refused,
            is_verified=None,
            reason=text(refused[0], "code") if refused else text(body, "reason"),
        )

    def _add(
        self,
        record: JSONObject,
        *,
        by: str,
        what: str,
        place: str,
        node: str,
        is_counted: bool,
        is_verified: bool | None,
        role: str = "",
        reason: str = "",
    ) -> None:
        said = Said(
            seq=whole(record, "seq"),
            at_ms=whole(record, "at_ms"),
            by=by,
            what=what,
            place=place,
            node=node,
            is_counted=is_counted,
            is_verified=is_verified,
            role=role,
            reason=reason,
        )
        self.found.append(said)


def _proof(facts: JSON, part: str) -> bool | None:
    proven = inner(facts, part).get("verified")
    return proven if isinstance(proven, bool) else None
