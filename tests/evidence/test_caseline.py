"""What a labelled case tells, and what it keeps back."""

from dataclasses import replace

import pytest

from remit.canonical import JSON, JSONObject
from remit.evidence.asked import Asked
from remit.evidence.caseline import case_of, values_of
from tests.stores.ledger_values import gate, run_row, vote

SECRET = "DE02 1203"
DECISION: JSONObject = {
    "effect": "require_approval",
    "risk": "high",
    "revision": "r1",
    "decision_id": "d1",
    "reasons": [{"code": "finance.over_limit", "message": SECRET}],
    "obligations": [],
}
ASKED = Asked(3, 0, "gate", "order", "order", "erp.place_order@1", DECISION)
OLD: JSONObject = {"amount": 5, "to": {"iban": SECRET, "a/b": 1}, "gone": 1, "list": [1, 2]}
NEW: JSONObject = {"amount": True, "to": {"iban": "other", "a/b": 2}, "more": 1, "list": [1, 3]}
VOTES = [
    replace(
        vote("e1", "ann", verdict="edit"),
        body={"args": NEW, "comment": "less"},
        at_ms=gate().opened_ms,
    ),
    replace(vote("e2", "eve", counted=False), body={"comment": "not counted"}),
]


def facts(**action: JSON) -> JSONObject:
    """Return what a decision was made on."""
    return {"action": {"arguments": OLD, "confidence": 0.4, "data_classes": [], **action}}


def test_a_case_says_what_was_asked_and_said_without_values() -> None:
    """Rules, risk and confidence; verb, comment, and pointers to what an edit changed."""
    case = case_of(run_row(), replace(gate(), state="edited"), VOTES, ASKED, facts())

    (said,) = case["said"]  # type: ignore[misc]
    assert [case[name] for name in ("label", "rules", "risk", "confidence")] == [
        *("edited", ["finance.over_limit"], "high", 0.4),
    ]
    assert (case["answered_ms"], case["withheld"]) == (0, [])
    assert (said["comment"], said["verified"]) == ("less", False)
    proven = [replace(one, is_verified=True) for one in VOTES]
    (sure,) = case_of(run_row(), gate(), proven, ASKED, facts())["said"]  # type: ignore[misc]
    assert sure["verified"] is True
    assert said["edited"] == ["/amount", "/gone", "/list/1", "/more", "/to/a~1b", "/to/iban"]
    assert SECRET not in str(case)
    assert values_of(VOTES, DECISION, facts()) == {
        "contents": {"messages": [SECRET], "arguments": OLD, "edits": [NEW]}
    }


@pytest.mark.parametrize(
    ("given", "decision", "why"),
    [
        (facts(data_classes=["personal"]), DECISION, ["personal"]),
        (facts(inflow=["secret"]), DECISION, ["secret"]),
        (facts(), {**DECISION, "obligations": [{"type": "redact"}]}, ["redacted"]),
        (None, DECISION, ["facts_absent"]),
    ],
    ids=["class", "inflow", "redacted", "forgotten"],
)
def test_of_classified_calls_neither_values_nor_comments_are_told(
    given: JSONObject | None, decision: JSONObject, why: list[str]
) -> None:
    """A comment may repeat what the call holds; the label and the fields remain."""
    asked = replace(ASKED, decision=decision)
    case = case_of(run_row(), replace(gate(), state="edited"), VOTES, asked, given)

    assert case["withheld"] == why
    assert "less" not in str(case)
    assert values_of(VOTES, decision, given) == {"contents": None}


def test_silence_is_an_answer_that_took_no_time() -> None:
    """Nobody said anything, so no time to an answer is told."""
    case = case_of(run_row(), replace(gate(), state="expired"), [], ASKED, facts())

    assert (case["label"], case["answered_ms"], case["said"]) == ("expired", None, [])
