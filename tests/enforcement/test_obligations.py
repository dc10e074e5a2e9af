"""Obligations can only weaken a call, and what cannot be fulfilled refuses it."""

import pytest

from remit.canonical import JSONObject
from remit.decision.decision import Limit, Redact, UnknownObligation
from remit.enforcement.obligations import REDACTED, ObligationError, apply

ARGUMENTS: JSONObject = {"iban": "DE1", "amount": 10, "people": [{"name": "Ann"}]}


def test_redaction_replaces_what_it_names_and_nothing_else() -> None:
    """The given arguments stay as they are; the enforced ones lack the value."""
    rule = Redact(type="redact", critical=True, paths=["/iban", "/people/0/name"])

    enforced = apply([rule], ARGUMENTS)

    assert enforced == {"iban": REDACTED, "amount": 10, "people": [{"name": REDACTED}]}
    assert ARGUMENTS["iban"] == "DE1"


@pytest.mark.parametrize(("maximum", "expected"), [(5, 5), (10, 10), (50, 10)])
def test_limit_only_lowers(maximum: int, expected: int) -> None:
    """A limit above the value changes nothing."""
    rule = Limit(type="limit", critical=True, path="/amount", max=maximum)

    assert apply([rule], ARGUMENTS)["amount"] == expected


@pytest.mark.parametrize(
    "rule",
    [
        Redact(type="redact", critical=True, paths=["/absent"]),
        Limit(type="limit", critical=True, path="/iban", max=1),
        Limit(type="limit", critical=True, path="/absent/deeper", max=1),
        UnknownObligation(type="notify", critical=False),
    ],
)
def test_what_cannot_be_fulfilled_is_refused(rule: Redact | Limit | UnknownObligation) -> None:
    """A critical obligation without a place, and any unknown one, refuse the call."""
    with pytest.raises(ObligationError):
        apply([rule], ARGUMENTS)


def test_uncritical_ones_may_find_nothing() -> None:
    """An obligation that is not critical may have nothing to do."""
    rules: list[Redact | Limit | UnknownObligation] = [
        Redact(type="redact", critical=False, paths=["/absent"]),
        Limit(type="limit", critical=False, path="/absent", max=1),
    ]

    assert apply(rules, ARGUMENTS) == ARGUMENTS
