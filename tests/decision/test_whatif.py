"""How two answers differ, and how differences count up; pure."""

import pytest

from remit.decision.decision import Decision, Effect
from remit.decision.whatif import Compared, Tally, compare

DIGEST = "sha256:" + "1" * 64
DAY_MS = 86_400_000


def said(effect: Effect, **parts: object) -> Decision:
    """Return an answer of that effect."""
    reason = {"code": "a.b", "policy": "p", "message": ""}
    given: dict[str, object] = {
        "schema_version": 1,
        "effect": effect,
        "proposed_digest": DIGEST,
        "reasons": [reason],
        "permits": [reason],
        "obligations": [],
        "approvals": [gate()] if effect == "require_approval" else [],
        "reserve": [],
        "risk": "low",
        "policy_revision": "r",
    }
    return Decision.model_validate({**given, **parts})


def gate(
    role: str = "holder", code: str = "g.a", quorum: int = 1, hours: int = 1
) -> dict[str, object]:
    """Return the demand of a gate."""
    expires = hours * 3_600_000
    return {
        "code": code,
        "policy": "p",
        "role": role,
        "quorum": quorum,
        "expires_in_ms": expires,
    }


def later(after_ms: int) -> object:
    """Return the demand of a gate that asks another role too after a while."""
    return {**gate(), "then": [{"role": "deputy", "after_ms": after_ms}]}


def of_classes(*classes: str, of: str = "arguments") -> object:
    """Return an obligation to redact whatever is found of some classes."""
    return {"type": "redact", "critical": True, "classes": list(classes), "of": of}


def routed(*providers: str) -> object:
    """Return an obligation to ask nobody else."""
    return {"type": "route", "critical": True, "to": list(providers)}


def redact(*paths: str, critical: bool = True) -> object:
    """Return an obligation to redact."""
    return {"type": "redact", "critical": critical, "paths": list(paths)}


def limit(most: int) -> object:
    """Return an obligation to lower a number."""
    return {"type": "limit", "critical": True, "path": "/n", "max": most}


def counter(amount: int, ceiling: int) -> object:
    """Return a counter to raise."""
    return {"counter": "c", "amount": amount, "ceiling": ceiling}


def asks(*gates: object) -> Decision:
    """Return an answer that asks for approvals."""
    return said("require_approval", approvals=list(gates))


CHANGES = {
    "a refusal": (said("allow"), said("deny"), "breaks", False),
    "a gate becomes a refusal": (asks(gate()), said("deny"), "breaks", False),
    "no refusal any more": (said("deny"), said("allow"), "widens", True),
    "a gate in place of a refusal": (said("deny"), asks(gate()), "widens", True),
    "a gate": (said("allow"), asks(gate()), "adds_gate", False),
    "another gate besides": (asks(gate()), asks(gate(), gate("b")), "adds_gate", False),
    "more people": (asks(gate()), asks(gate(quorum=2)), "adds_gate", False),
    "less time": (asks(gate(hours=2)), asks(gate()), "adds_gate", False),
    "asks others later": (asks(gate()), asks(later(1)), "removes_gate", True),
    "asks others sooner": (asks(later(2)), asks(later(1)), "removes_gate", True),
    "asks others later on": (asks(later(1)), asks(later(2)), "adds_gate", False),
    "asks nobody later": (asks(later(1)), asks(gate()), "adds_gate", False),
    "no gate": (asks(gate()), said("allow"), "removes_gate", True),
    "fewer people": (asks(gate(quorum=2)), asks(gate()), "removes_gate", True),
    "more time": (asks(gate()), asks(gate(hours=2)), "removes_gate", True),
    "another role": (asks(gate()), asks(gate("b")), "removes_gate", True),
    "redacts": (said("allow"), said("allow", obligations=[redact("/a")]), "obligation", False),
    "redacts more": (
        said("allow", obligations=[redact("/a")]),
        said("allow", obligations=[redact("/a", "/b")]),
        "obligation",
        False,
    ),
    "redacts less": (
        said("allow", obligations=[redact("/a", "/b")]),
        said("allow", obligations=[redact("/a")]),
        "obligation",
        True,
    ),
    "redacts fewer classes": (
        said("allow", obligations=[of_classes("iban", "email")]),
        said("allow", obligations=[of_classes("email")]),
        "obligation",
        True,
    ),
    "redacts more classes": (
        said("allow", obligations=[of_classes("iban")]),
        said("allow", obligations=[of_classes("iban", "email")]),
        "obligation",
        False,
    ),
    "redacts the answer, and no arguments any more": (
        said("allow", obligations=[of_classes("iban")]),
        said("allow", obligations=[of_classes("iban", of="output")]),
        "obligation",
        True,
    ),
    "lets others be asked": (
        said("allow", obligations=[routed("house")]),
        said("allow", obligations=[routed("house", "shop")]),
        "obligation",
        True,
    ),
    "lets fewer be asked": (
        said("allow", obligations=[routed("house", "shop")]),
        said("allow", obligations=[routed("house")]),
        "obligation",
        False,
    ),
    "redacts if it can": (
        said("allow", obligations=[redact("/a")]),
        said("allow", obligations=[redact("/a", critical=False)]),
        "obligation",
        True,
    ),
    "a higher limit": (
        said("allow", obligations=[limit(1)]),
        said("allow", obligations=[limit(2)]),
        "obligation",
        True,
    ),
    "a lower ceiling": (
        said("allow", reserve=[counter(1, 9)]),
        said("allow", reserve=[counter(1, 8)]),
        "reserve",
        False,
    ),
    "a higher ceiling": (
        said("allow", reserve=[counter(1, 8)]),
        said("allow", reserve=[counter(1, 9)]),
        "reserve",
        True,
    ),
    "counts nothing": (said("allow", reserve=[counter(1, 8)]), said("allow"), "reserve", True),
    "other words": (said("allow"), said("allow", risk="high"), "reason", False),
    "no answer": (said("allow"), None, "error", False),
    "an answer where there was none": (None, said("allow"), "widens", True),
    "a refusal where there was no answer": (None, said("deny"), "reason", False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_difference_has_a_class_and_says_whether_it_permits_more(name: str) -> None:
    """By effect first, then gates, obligations, counters, words."""
    before, after, kind, permits_more = CHANGES[name]
    change = compare(before, after)

    assert change is not None
    assert (change.kind, change.permits_more) == (kind, permits_more)


@pytest.mark.parametrize("one", [said("allow"), said("deny"), asks(gate()), None])
def test_equal_answers_do_not_differ(one: Decision | None) -> None:
    """Whatever they say."""
    assert compare(one, one) is None


def of(root: str, before: Decision | None, after: Decision | None, step: str = "s") -> Compared:
    """Return a decision of a run."""
    return Compared(root, 1, DAY_MS, step, before, after)


def test_of_each_run_the_first_difference_counts_and_later_ones_are_censored() -> None:
    """But what permits more, and what errs, is counted wherever it stands."""
    tally = Tally()
    told = [
        tally.take(of("a", said("allow"), said("allow"))),
        tally.take(of("a", said("allow"), said("allow", risk="high"))),
        tally.take(of("a", said("allow"), said("deny"))),
        tally.take(of("a", said("deny"), said("allow"))),
        tally.take(of("a", said("allow"), None)),
        tally.take(of("b", said("deny"), said("allow"))),
    ]

    assert [one.kind if one else "" for one in told] == ["", "", "breaks", "", "", "widens"]
    assert tally.first == {"breaks": 1, "widens": 1}
    assert tally.censored == {"widens": 1, "error": 1}
    assert (tally.widens, tally.errors, tally.reworded, tally.runs) == (2, 1, 1, 2)


def test_a_gate_counts_once_for_a_call_and_for_each_person_it_needs() -> None:
    """A gated call is decided again after the votes; that is the same approval."""
    tally = Tally()
    two = asks(gate(quorum=2))
    for step in ("order", "order", "entry"):
        tally.take(of("a", said("allow"), two, step))
    tally.take(of("b", two, said("allow"), "order"))
    tally.take(of("b", two, said("deny"), "entry"))

    assert tally.extra == {("holder", "1970-01-02"): 4}
    assert tally.saved == {("holder", "1970-01-02"): 2}
