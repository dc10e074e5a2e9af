"""The policy decisions that a run's records hold, each as one value.

Pure. A record may say anything; what has not the form of a decision is passed over.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from remit.canonical import Digest, JSONObject
from remit.evidence.fields import items, objects, path_of, text, whole
from remit.plan.path import Segment


@dataclass(frozen=True, slots=True)
class Asked:
    """One decision, as it was recorded."""

    seq: int
    """The record that holds it."""
    at_ms: int
    kind: str
    """Kind of that record: `intent` for a call that was allowed and begun."""
    path: str
    """Path of the call that it is about; empty when it is about none."""
    about: str
    """What it is about, in words."""
    tool: str
    decision: JSONObject
    """As the ledger keeps it."""

    @property
    def effect(self) -> str:
        """`allow`, `require_approval` or `deny`."""
        return text(self.decision, "effect")

    @property
    def revision(self) -> str:
        """Revision of the policies that decided; empty when none did."""
        return text(self.decision, "revision")

    @property
    def facts(self) -> Digest:
        """What it was made on; empty when nobody could decide."""
        return text(self.decision, "facts")

    @property
    def host(self) -> str:
        """Why the enforcement point refused by itself; empty when policy spoke."""
        return text(self.decision, "host")

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the rules that spoke: of its reasons, or of its permits."""
        reasons = [text(one, "code") for one in objects(self.decision, "reasons")]
        permits = [one for one in items(self.decision, "permits") if isinstance(one, str)]
        return tuple(dict.fromkeys(code for code in (*reasons, *permits) if code))

    def is_about(self, step: str) -> bool:
        """Whether it is about a step, named by path or by id."""
        return self.path == step or step in steps_of(self.path)


def decisions(records: Iterable[JSONObject]) -> Iterator[Asked]:
    """Yield every decision of `records`, in their order."""
    for record in records:
        body = record["body"]
        if not isinstance(body, dict):
            continue
        kind = text(record, "kind")
        decision = body.get("decision")
        if not isinstance(decision, dict):
            decision = body if kind == "decision" else {}
        if not text(decision, "effect"):
            continue
        path = path_of(body)
        yield Asked(
            seq=whole(record, "seq"),
            at_ms=whole(record, "at_ms"),
            kind=kind,
            path=path,
            about=_about(kind, path, body),
            tool=text(body, "tool"),
            decision=decision,
        )


def _about(kind: str, path: str, body: JSONObject) -> str:
    if text(body, "activity"):
        return text(body, "activity")
    if kind == "order":
        return f"{text(body, 'order')} by {text(body, 'by')}"
    about = text(body, "about")
    if about == "admission":
        return "the whole plan"
    if about == "amendment":
        return f"an amendment by {text(body, 'by')}"
    if about == "proposal":
        return f"round {whole(body, 'round')} of a proposal for {text(body, 'agent')}"
    if about and not path:
        is_sub_plan = "effect" not in body
        return f"the sub-plan at {about}" if is_sub_plan else f"the vote {about}"
    undoes = text(body, "direction") == "undo" or text(body, "step_key").endswith(":undo")
    purpose = text(body, "purpose").replace("_", " ") or ("undo" if undoes else "call")
    return f"{purpose} of {path}" if path else kind


def steps_of(path: str) -> Iterator[str]:
    """Yield the step ids on a path."""
    for part in path.split("/") if path else ():
        try:
            yield Segment.parse(part).step
        except ValueError:
            return
