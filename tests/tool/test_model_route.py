"""Which endpoint of a model is asked: a table of what is declared and what a call is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from remit.tool.language_model import Bounds, Endpoint
from remit.tool.language_model_route import Reason, Stake, too_dear, too_slow
from remit.tool.risk import Risk

FAST = {"model": "fast", "sees": [], "up_to_risk": "medium", "expect_s": 1, "price": (2, 2)}
HOUSE = {"model": "house", "sees": ["pii"], "expect_s": 4, "price": (1, 1)}
BEST = {"model": "best", "sees": ["pii", "secret"], "expect_s": 10, "price": (9, 9)}
LAST = {"model": "last"}
ALL = (FAST, HOUSE, BEST)
OWNED = ({**FAST, "provider": "us"}, HOUSE, {**BEST, "provider": "them"})


def endpoint(told: dict[str, Any]) -> Endpoint:
    """Return an endpoint; a price is that of a token, in micros."""
    made = {"url": "https://models.example/v1", **told}
    if "price" in told:
        into, out = told["price"]
        made["price"] = {"input": into * 10**6, "output": out * 10**6, "currency": "EUR"}
    return Endpoint.model_validate(made)


@dataclass(frozen=True)
class Case:
    """One question, and who is asked."""

    id: str
    asked: str
    passed: Sequence[Reason] = ()
    endpoints: Sequence[dict[str, Any]] = ALL
    classes: frozenset[str] | None = frozenset()
    risk: Risk | None = "low"
    left_s: float = 30
    micros: int | None = None
    tokens: int | None = None
    providers: frozenset[str] | None = None


CASES = [
    Case("nothing in the way", "fast"),
    Case("data", "house", ["data"], classes=frozenset({"pii"})),
    Case("more data", "best", ["data", "data"], classes=frozenset({"pii", "secret"})),
    Case("all data", "", ["data"] * 3, classes=frozenset({"confidential"})),
    Case("not looked through", "", ["data"] * 3, classes=None),
    Case("not looked through, and one sees all", "last", ["data"], (FAST, LAST), None),
    Case("as much risk as it may", "fast", risk="medium"),
    Case("more risk", "house", ["risk"], risk="high"),
    Case("a risk that nobody judged", "house", ["risk"], risk=None),
    Case("data is said before risk", "house", ["data"], classes=frozenset({"pii"}), risk="high"),
    Case("little time", "fast", left_s=2),
    Case("no time", "", ["time"] * 3, left_s=0),
    Case("data and little time", "", ["data", "time", "time"], ALL, frozenset({"pii"}), "low", 2),
    Case("a route", "best", ["policy", "policy"], OWNED, providers=frozenset({"them"})),
    Case("a route to some", "fast", [], OWNED, providers=frozenset({"us", "them"})),
    Case("a route to nobody here", "", ["policy"] * 3, OWNED, providers=frozenset({"others"})),
    Case("a route lets nobody see more", "", ["data", "policy", "policy"], OWNED,
         frozenset({"pii"}), providers=frozenset({"us"})),
    Case("money for the cheaper", "house", ["money"], micros=150),
    Case("money for none", "", ["money"] * 3, micros=10),
    Case("money, and no price", "", ["money"], (LAST,), micros=10**9),
    Case("tokens for none", "", ["tokens"] * 3, tokens=50),
    Case("money for one that may not see it", "", ["data", "data", "money"], ALL,
         frozenset({"secret"}), micros=150),
]  # fmt: skip


def route(case: Case) -> tuple[str, list[Reason]]:
    """Return who is asked 100 bytes for an answer of 10 tokens, and why not others."""
    stake, passed = Stake(case.classes, case.risk, case.providers), []
    bounds = Bounds(output_tokens=10, tokens=case.tokens, micros=case.micros)
    for one in map(endpoint, case.endpoints):
        why = stake.bars(one) or too_slow(one, case.left_s) or too_dear(one, bounds, 0, 0, 100)
        if why is None:
            return one.model, passed
        passed.append(why.reason)
    return "", passed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_first_endpoint_whose_conditions_hold_is_asked(case: Case) -> None:
    """And each that is passed over has its reason."""
    assert route(case) == (case.asked, list(case.passed))
