"""Obligations can only weaken a call, and what cannot be fulfilled refuses it."""

from collections.abc import Sequence

import pytest

from remit.canonical import JSON, JSONObject
from remit.decision.decision import (
    Keep,
    Limit,
    Log,
    Notify,
    Obligation,
    Redact,
    UnknownObligation,
)
from remit.enforcement.obligations import (
    REDACTED,
    ObligationError,
    apply,
    left_out,
    left_standing,
    logged,
    notices,
)

ARGUMENTS: JSONObject = {"iban": "DE1", "amount": 10, "people": [{"name": "Ann"}]}


def enforced(*rules: Obligation) -> JSONObject:
    """Return what rules leave of the arguments."""
    value = apply(rules, ARGUMENTS).value
    assert isinstance(value, dict)
    return value


def kept(rules: Sequence[Obligation], output: JSON) -> JSON:
    """Return what rules leave of an answer."""
    return left_standing(rules, output).value


def test_redaction_replaces_what_it_names_and_nothing_else() -> None:
    """The given arguments stay as they are; the enforced ones lack the value."""
    rule = Redact(type="redact", critical=True, paths=["/iban", "/people/0/name"])

    assert enforced(rule) == {"iban": REDACTED, "amount": 10, "people": [{"name": REDACTED}]}
    assert ARGUMENTS["iban"] == "DE1"


@pytest.mark.parametrize(("maximum", "expected"), [(5, 5), (10, 10), (50, 10)])
def test_limit_only_lowers(maximum: int, expected: int) -> None:
    """A limit above the value changes nothing."""
    rule = Limit(type="limit", critical=True, path="/amount", max=maximum)

    assert enforced(rule)["amount"] == expected


def test_an_item_of_a_list_is_limited_too() -> None:
    """A pointer leads to items as it leads to members."""
    rule = Limit(type="limit", critical=True, path="/amounts/1", max=5)

    applied = apply([rule], {"amounts": [7, 8]})

    assert applied.value == {"amounts": [7, 5]}


@pytest.mark.parametrize(
    "rule",
    [
        Redact(type="redact", critical=True, paths=["/absent"]),
        Limit(type="limit", critical=True, path="/iban", max=1),
        Limit(type="limit", critical=True, path="/absent/deeper", max=1),
        Log(type="log", critical=True, paths=["/absent"]),
        UnknownObligation(type="dance", critical=True),
    ],
)
def test_what_cannot_be_fulfilled_is_refused(rule: Obligation) -> None:
    """A critical obligation without a place, and a critical unknown one, refuse the call."""
    with pytest.raises(ObligationError):
        apply([rule], ARGUMENTS)


def test_uncritical_ones_may_find_nothing() -> None:
    """An obligation that is not critical may have nothing to do."""
    rules: list[Obligation] = [
        Redact(type="redact", critical=False, paths=["/absent"]),
        Limit(type="limit", critical=False, path="/absent", max=1),
        Log(type="log", critical=False, paths=["/absent"]),
        UnknownObligation(type="dance", critical=False),
    ]

    assert enforced(*rules) == ARGUMENTS


def test_what_is_left_out_is_named() -> None:
    """The record tells which obligations nobody fulfilled."""
    rules: list[Obligation] = [
        UnknownObligation(type="dance", critical=False),
        Notify(type="notify", critical=True, role="owner", message="it buys"),
    ]

    assert left_out(rules) == ["dance"]
    assert notices(rules) == [{"role": "owner", "message": "it buys"}]


def test_of_an_answer_only_what_is_named_stands() -> None:
    """Members that are not named go, at every depth; a list keeps its length."""
    output: JSON = {
        "id": 1,
        "iban": "DE1",
        "owner": {"name": "Ann", "salary": 5},
        "lines": [{"sku": "a", "margin": 2}, {"sku": "b", "margin": 3}],
        "a/b": 7,
    }
    rule = Keep(
        type="keep", critical=True, paths=["/id", "/owner/name", "/lines/*/sku", "/absent", "/a~1b"]
    )

    assert kept([rule], output) == {
        "id": 1,
        "owner": {"name": "Ann"},
        "lines": [{"sku": "a"}, {"sku": "b"}],
        "a/b": 7,
    }
    assert kept([Keep(type="keep", critical=True, paths=[])], output) == {}
    assert kept([Keep(type="keep", critical=True, paths=["/id"])], "text") is None
    assert kept([], output) == output


def test_several_bounds_of_an_answer_all_hold() -> None:
    """What stands is what every one of them names."""
    rules: list[Obligation] = [
        Keep(type="keep", critical=True, paths=["/a", "/b"]),
        Keep(type="keep", critical=True, paths=["/b", "/c"]),
    ]

    assert kept(rules, {"a": 1, "b": 2, "c": 3}) == {"b": 2}


def test_values_are_logged_by_their_place() -> None:
    """What policy names is what stands in the log, and nothing else."""
    rule = Log(type="log", critical=True, paths=["/amount", "/people/0/name"])

    assert logged([rule], ARGUMENTS) == {"/amount": 10, "/people/0/name": "Ann"}


def test_places_are_told_where_something_was_taken() -> None:
    """Of paths and of classes alike; a class that is not there leaves nothing to tell."""
    rules = [
        Redact(type="redact", critical=True, paths=["/iban"]),
        Redact(type="redact", critical=True, classes=["email"]),
        Redact(type="redact", critical=True, classes=["phone"], of="output"),
    ]
    given: JSONObject = {"iban": "DE1", "to": ["jo@acme.example", "x"]}

    assert apply(rules, given).redacted == ["/iban", "/to/0"]
    assert apply(rules[2:], given).value is given
    assert left_standing(rules, {"a": ["+49 30 1234567"], "b": "jo@acme.example"}).redacted == [
        "/a/0"
    ]


def test_a_redaction_names_something() -> None:
    """One without paths and classes would be fulfilled by doing nothing."""
    with pytest.raises(ValueError, match="neither paths nor classes"):
        Redact(type="redact", critical=True)


@pytest.mark.parametrize("critical", [True, False])
def test_what_cannot_be_told_apart_is_refused_where_it_matters(critical: bool) -> None:
    """An answer whose own members are called by what is to go."""
    rule = Redact(type="redact", critical=critical, classes=["email"], of="output")
    output: JSON = {"jo@acme.example": 1}

    if not critical:
        assert kept([rule], output) == output
        return
    with pytest.raises(ObligationError, match="email cannot be redacted"):
        kept([rule], output)
