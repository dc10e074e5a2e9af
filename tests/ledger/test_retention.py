"""Which period counts, and what records name."""

import pytest

from remit.canonical import digest
from remit.decision.periods import milliseconds
from remit.ledger.references import references
from remit.ledger.retention import Rule, label, rule_of

DAY_MS = 86_400_000
PERIODS = {
    name: Rule(f"{name} {text}", milliseconds(text))
    for name, text in {"personal": "P30D", "financial": "P10Y", "default": "P1Y"}.items()
}


@pytest.mark.parametrize(
    ("classes", "is_mixture", "name"),
    [
        (["personal"], False, "personal P30D"),
        (["personal", "financial"], False, "financial P10Y"),
        (["personal", "commercial"], False, "personal P30D"),
        (["personal", "financial"], True, "personal P30D"),
        (["financial", "commercial"], True, "default P1Y"),
        (["commercial"], False, "default P1Y"),
        ([], False, "default P1Y"),
        ([], True, "default P1Y"),
    ],
)
def test_the_longest_of_a_call_and_the_shortest_of_a_mixture(
    classes: list[str], is_mixture: bool, name: str
) -> None:
    """A call keeps what any of its classes must keep; what feeds calls goes with the first."""
    found = rule_of(label(classes, is_mixture=is_mixture), PERIODS)

    assert found is not None
    assert found.name == name


def test_what_no_period_covers_stays() -> None:
    """Without `default` nothing is forgotten that no line names."""
    only = {"personal": PERIODS["personal"]}

    assert rule_of(label(["commercial"], is_mixture=False), only) is None
    assert rule_of(label([], is_mixture=False), only) is None


def test_tools_without_a_class_may_have_a_period_of_their_own() -> None:
    """`unclassified` comes before `default`."""
    periods = PERIODS | {"unclassified": Rule("unclassified P2D", 2 * DAY_MS)}
    found = rule_of(label([], is_mixture=False), periods)

    assert found is not None
    assert found.name == "unclassified P2D"


@pytest.mark.parametrize("text", ["", "P", "30", "PT1H", "P1D2", "P-1D", "1D", "P1.5D"])
def test_what_is_no_period_is_refused(text: str) -> None:
    """Years, months, weeks and days, in whole numbers."""
    with pytest.raises(ValueError, match="no period"):
        milliseconds(text)


def test_a_period_is_never_shorter_than_the_calendars() -> None:
    """A year has 366 days, a month 31."""
    assert milliseconds("P1Y2M1W3D") == (366 + 62 + 7 + 3) * DAY_MS


def test_records_tell_what_they_name() -> None:
    """Kinds come from the names of fields; digests of requests name nothing."""
    names = {name: digest(name) for name in ("arguments", "contract", "undo", "odd", "request")}
    body = {
        "arguments": names["arguments"],
        "contract": names["contract"],
        "request": names["request"],
        "decision": {"facts": digest("facts")},
        "undo": {"arguments": names["undo"], "contract": names["contract"]},
        "odd": [names["odd"]],
    }
    found = {one.digest: one.kind for one in references("outcome", body)}

    assert found == {
        names["contract"]: "contract",
        names["arguments"]: "arguments",
        names["undo"]: "arguments",
        names["odd"]: "other",
        digest("facts"): "facts",
    }
    assert list(references("forgotten", {"contents": [{"digest": names["odd"]}]})) == []
