"""Which other values a dry run asks about while what it guessed is refused, and when it stops."""

from collections.abc import Callable
from datetime import datetime

import pytest

from remit.canonical import JSON, JSONObject
from remit.enforcement.rehearsal.asking import Answer, Said
from remit.enforcement.rehearsal.known import Known
from remit.enforcement.rehearsal.trying import Tried, tried
from tests.plan.compiling import record, tool

_UNKNOWN = "unknown"
_INPUT = record(
    score={"type": "integer", "minimum": 300, "maximum": 850},
    debt={"type": "number"},
    level={"enum": ["low", "high"]},
    sure={"type": "boolean"},
    flags={"type": "array", "items": {"type": "string"}},
    inside=record(list={"type": "array", "items": {"enum": ["a", "b"]}}),
    at={"type": "string"},
    micros={"type": "integer"},
)
_PRICED = {"micros_argument": "/micros"}
_TOOL = tool(
    "credit.assess", "spend", _INPUT, record(), region="eu", irreversible=True, cost=_PRICED
)

Rule = Callable[[JSONObject], list[str]]
"""Returns the codes by which arguments are refused; `host:…` for no answer at all."""


def answer(codes: list[str]) -> Answer:
    """Return what is said when these codes refuse."""
    said = [Said(code, "host" if code.startswith("host:") else "p", "no") for code in codes]
    return Answer("deny" if codes else "allow", said, [], [], "low", "r", "d")


async def searched(rule: Rule, unknown: JSONObject) -> tuple[Tried, list[JSONObject]]:
    """Search with these arguments, of which all that say so are unknown; return what was asked."""
    asked: list[JSONObject] = []

    async def ask(arguments: JSONObject) -> Answer:
        asked.append(arguments)
        return answer(rule(arguments))

    places: list[str] = []

    def look(value: JSON, at: str) -> None:
        if value == _UNKNOWN:
            places.append(at)
        for name, part in value.items() if isinstance(value, dict) else ():
            look(part, f"{at}/{name}")
        for index, part in enumerate(value) if isinstance(value, list) else ():
            look(part, f"{at}/{index}")

    look(unknown, "")
    return await tried(ask, _TOOL, Known(unknown, tuple(places))), asked


async def test_what_is_let_through_is_asked_about_once() -> None:
    """A guess that nobody minds is as good as any."""
    found, asked = await searched(lambda _: [], {"score": _UNKNOWN, "at": _UNKNOWN})

    assert (found.answer.effect, found.hinges, len(asked)) == ("allow", False, 1)


@pytest.mark.parametrize(
    ("unknown", "passes"),
    [
        ({"score": _UNKNOWN}, lambda a: a["score"] == 850),
        ({"score": _UNKNOWN}, lambda a: a["score"] == 300),
        ({"debt": _UNKNOWN}, lambda a: a["debt"] == 0),
        ({"debt": _UNKNOWN}, lambda a: isinstance(a["debt"], int) and a["debt"] > 1000),
        ({"level": _UNKNOWN}, lambda a: a["level"] == "high"),
        ({"sure": _UNKNOWN}, lambda a: a["sure"] is True),
        ({"flags": _UNKNOWN}, lambda a: a["flags"] == []),
        ({"inside": {"list": [_UNKNOWN]}}, lambda a: a["inside"]["list"] == ["b"]),
        ({"at": _UNKNOWN}, lambda a: a["at"] == "eu"),
    ],
    ids=["most", "least", "zero", "much", "listed", "true", "empty", "item", "region"],
)
async def test_values_that_the_tool_takes_are_tried(
    unknown: JSONObject, passes: Callable[[JSONObject], bool]
) -> None:
    """Bounds, listed ones, both truths, nothing, the tool's own region."""
    found, _ = await searched(lambda a: [] if passes(a) else ["a.no"], unknown)

    assert (found.answer.effect, found.hinges, list(found.met)) == ("allow", True, ["a.no"])


async def test_a_moment_is_one_of_them() -> None:
    """A rule that parses a text fails on what is none; that is no refusal by policy."""

    def rule(arguments: JSONObject) -> list[str]:
        try:
            datetime.fromisoformat(str(arguments["at"]))
        except ValueError:
            return ["host:evaluation_failed"]
        return []

    found, _ = await searched(rule, {"at": _UNKNOWN})

    assert (found.answer.effect, found.met) == ("allow", {})


async def test_one_place_may_hide_another() -> None:
    """What fails outright is mended first; then each of the rest, whatever their order."""

    def rule(arguments: JSONObject) -> list[str]:
        if arguments["at"] == _UNKNOWN:
            return ["host:evaluation_failed"]
        return [name for name, good in (("score", 850), ("debt", 0)) if arguments[name] != good]

    given: JSONObject = {"score": _UNKNOWN, "debt": _UNKNOWN, "at": _UNKNOWN}
    found, asked = await searched(rule, given)

    assert (found.answer.effect, {*found.met}) == ("allow", {"score", "debt"})
    assert given == {"score": _UNKNOWN, "debt": _UNKNOWN, "at": _UNKNOWN}
    assert len(asked) < 20


async def test_what_is_refused_whatever_comes_stays_refused() -> None:
    """With every reason, after a bounded number of questions."""
    names = [f"n{number}" for number in range(40)]
    given: JSONObject = {**dict.fromkeys(names, _UNKNOWN), "score": 1}
    found, asked = await searched(lambda _: ["a.no", "b.no"], given)

    assert (found.answer.effect, found.hinges, list(found.met)) == (
        "deny",
        False,
        ["a.no", "b.no"],
    )
    assert 1 < len(asked) <= 1 + 3 * 8 * 4


async def test_a_known_value_and_a_price_are_left_alone() -> None:
    """What stands in the plan is refused for what it is; a cost is guessed elsewhere."""
    given: JSONObject = {"score": 1, "micros": _UNKNOWN}
    found, asked = await searched(lambda _: ["a.no"], given)

    assert (found.answer.effect, asked) == ("deny", [given])
