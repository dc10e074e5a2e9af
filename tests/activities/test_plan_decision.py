"""The decision about a whole plan: only an allow admits it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError

from activities.planning import decide_plan
from remit.decision.decision import Decided
from remit.enforcement.point import EnforcementPoint

ASKED = {
    "schema_version": 1,
    "effect": "require_approval",
    "proposed_digest": None,
    "reasons": [{"code": "board.agrees", "policy": "board", "message": "the board must agree"}],
    "permits": [],
    "obligations": [],
    "approvals": [
        {"code": "board.agrees", "policy": "board", "role": "board", "expires_in_ms": 1000}
    ],
    "reserve": [],
    "risk": "high",
    "policy_revision": "r1",
}


class Asks:
    """A policy that would have somebody approve a whole plan."""

    async def admission(self, *_: object) -> Decided:
        """Return its decision."""
        decided = {
            "decision": ASKED,
            "decision_id": "d1",
            "revision": "r1",
            "facts": b"{}",
            "facts_digest": "sha256:" + "0" * 64,
            "decided_ms": 1,
            "took_us": 1,
        }
        return Decided.model_validate(decided)


async def test_an_approval_of_a_whole_plan_is_a_refusal() -> None:
    """There is no gate that a plan or an amendment could wait at: refused, with a code."""
    point = cast("EnforcementPoint", SimpleNamespace(deciding=Asks()))
    pinned: Any = SimpleNamespace(plan=SimpleNamespace(name="desk"))
    nothing: Any = None

    with pytest.raises(ApplicationError) as refused:
        await decide_plan(point, pinned, [], nothing, nothing, "")

    assert refused.value.type == "PolicyDenied"
    assert refused.value.details[0]["code"] == "PLAN-APPROVAL"
    assert "the board must agree" in refused.value.details[0]["message"]
