"""What somebody may ask a plan for, and what a planner may not write otherwise."""

from typing import Any

import pytest

from remit.canonical import JSON, JSONObject
from remit.diagnostic import InvalidDocumentError
from remit.plan.proposal import MAX_REQUEST_BYTES, mandated, read_request

REQUEST: JSONObject = {
    "goal": "put it down",
    "agent": "tester@1.0.0",
    "on_behalf_of": "asker@lab.example",
    "tenant": "lab",
    "owner": "team:lab",
}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (None, ""),
        ([], ""),
        ("goal", ""),
        ({**REQUEST, "goal": ""}, "/goal"),
        ({**REQUEST, "goal": 7}, "/goal"),
        ({**REQUEST, "agent": "tester"}, "/agent"),
        ({**REQUEST, "rounds": 11}, "/rounds"),
        ({**REQUEST, "rounds": 0}, "/rounds"),
        ({**REQUEST, "inputs": []}, "/inputs"),
        ({**REQUEST, "plan": {}}, "/plan"),
        ({k: v for k, v in REQUEST.items() if k != "tenant"}, "/tenant"),
    ],
)
def test_what_is_no_request_is_told_by_place(document: JSON, path: str) -> None:
    """One code, and the field that is wrong."""
    with pytest.raises(InvalidDocumentError) as refused:
        read_request(document, 100)

    assert [(one.code, one.path) for one in refused.value.diagnostics] == [
        ("PROPOSAL-REQUEST", path)
    ]


def test_a_request_is_bounded() -> None:
    """Goals are sentences; data is passed by reference."""
    with pytest.raises(InvalidDocumentError) as refused:
        read_request(REQUEST, MAX_REQUEST_BYTES + 1)

    assert "at most" in refused.value.diagnostics[0].message


def test_what_is_settled_is_filled_in() -> None:
    """A planner may leave out who acts for whom, and add inputs and bounds of its own."""
    request = read_request(
        {**REQUEST, "inputs": {"name": "x"}, "constraints": {"max_steps": 5}}, 100
    )
    filled, found = mandated({"steps": [], "inputs": {"more": 1}}, request)

    assert found == []
    assert filled == {
        **REQUEST,
        "steps": [],
        "inputs": {"name": "x", "more": 1},
        "constraints": {"max_steps": 5},
    }


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"agent": "boss@1.0.0"}, "/agent"),
        ({"goal": "something else"}, "/goal"),
        ({"on_behalf_of": None}, "/on_behalf_of"),
        ({"inputs": {"name": "y"}}, "/inputs/name"),
        ({"constraints": {"max_steps": 500}}, "/constraints/max_steps"),
    ],
)
def test_what_is_settled_is_not_a_planners_to_write(changed: dict[str, Any], path: str) -> None:
    """Each other word is a finding, with what must stand there."""
    request = read_request(
        {**REQUEST, "inputs": {"name": "x"}, "constraints": {"max_steps": 5}}, 100
    )
    _, found = mandated({"steps": [], **changed}, request)

    assert [(one.code, one.path) for one in found] == [("PROPOSAL-MANDATE", path)]
    assert found[0].expected
