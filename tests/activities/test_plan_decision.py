"""The decision about a whole plan: only an allow admits it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError

from activities.planning import decide_family, decide_plan
from remit.canonical import JSONObject
from remit.decision.decision import Decided, Decision
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.point import EnforcementPoint
from remit.ledger.entries import Totals
from tests.plan.compiling import plan
from tests.plan.flowing import call, compiled, output, sub_plan

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


class Allows:
    """A policy that admits everything, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def admission(self, *asked: Any) -> Decided:
        """Keep the question and allow."""
        self.asked.append(asked)
        permit = {"code": "plan.permitted", "policy": "admission"}
        allowed = {"effect": "allow", "reasons": [permit], "permits": [permit], "approvals": []}
        decision = Decision.model_validate({**ASKED, **allowed})
        return Decided.model_construct(decision=decision)


async def test_each_plan_of_a_family_is_judged_with_what_its_callers_give() -> None:
    """The run's own facts reach all of them; a sub-plan is told what comes with its call."""
    policy = Allows()
    point = cast("EnforcementPoint", SimpleNamespace(deciding=policy))
    part = sub_plan(call("x", "us.store", text="${inputs.text}"), outputs={})
    inner: JSONObject = {"id": "p", "plan": "part@1.0.0", "args": {"text": output("a")}}
    made, compilation = compiled(
        plan(call("a", "crm.read"), {**inner, "needs": ["a"]}, call("z", "pub.read", "p")), part
    )
    pinned = PinnedPlan.of(compilation.digest, made)
    nothing: Any = None

    await decide_family(
        point,
        pinned,
        compilation.parts,
        compilation.contracts,
        nothing,
        nothing,
        Totals(calls=3),
        ["erp.archive@1"],
    )

    told = [
        (about.plan.name, path, totals.calls, above, tools)
        for about, _, _, _, path, totals, above, tools in policy.asked
    ]
    assert told == [
        ("small", "", 3, (), ["erp.archive@1"]),
        ("part", "part", 3, ["tester"], ["erp.archive@1"]),
    ]
    [step] = policy.asked[1][2]
    assert (step.inflow, step.tools_before, step.may_fail_behind) == (
        ["pii"],
        ["crm.read@1"],
        True,
    )
