"""A gate goes to the queue of its subject, risk and region, by data (real OPA)."""

import json
from collections.abc import Iterator

import pytest

from remit.canonical import JSONObject
from remit.cli.rehearsal.residue import Left, left_over
from remit.enforcement.opa import facts_document
from tests.policies import given
from tests.policies.served import POLICIES, ROOT, Served, serve

pytestmark = pytest.mark.opa


@pytest.fixture(scope="module")
def lab() -> Iterator[Served]:
    """A real OPA with the lab's policies."""
    with serve(POLICIES, ROOT / "tests" / "lab" / "policies") as served:
        yield served


def facts_of(subject: str, confidence: float, region: str) -> JSONObject:
    """Return the facts of a call that is to be answered by a queue."""
    facts = given.call()
    assert facts.action is not None
    assert facts.principal is not None
    assert facts.plan is not None
    action = facts.action.model_copy(
        update={
            "tool": "lab.put@1",
            "domain": "lab",
            "arguments": {"name": f"routed-{subject}-1"},
            "confidence": confidence,
            "region": region,
            "destinations": [],
        }
    )
    principal = facts.principal.model_copy(update={"agent": "tester", "tenant": "lab"})
    plan = facts.plan.model_copy(update={"regions": ["eu", "us"]})
    whole = facts.model_copy(update={"action": action, "principal": principal, "plan": plan})
    document: JSONObject = json.loads(facts_document(whole))
    return document


def asked(lab: Served, subject: str, confidence: float, region: str) -> dict[str, int]:
    """Return whom the call's gates ask, and how many of them."""
    decision = lab.ask(facts_of(subject, confidence, region))
    assert decision["effect"] == "require_approval", decision["reasons"]
    approvals = decision["approvals"]
    assert isinstance(approvals, list)
    return {str(one["role"]): int(str(one["quorum"])) for one in approvals if isinstance(one, dict)}


@pytest.mark.parametrize(
    ("subject", "confidence", "region", "queue"),
    [
        ("credit", 0.9, "eu", {"credit_desk": 1}),
        ("security", 0.9, "eu", {"security_desk": 1}),
        ("credit", 0.9, "us", {"credit_desk_us": 1}),
        ("credit", 0.1, "eu", {"credit_committee": 2, "operator": 1}),
        ("security", 0.1, "us", {"security_desk": 1, "operator": 1}),
        ("garden", 0.9, "eu", {"operator": 1}),
        ("", 0.9, "eu", {"operator": 1}),
    ],
)
def test_the_first_queue_that_fits_is_asked(
    lab: Served, subject: str, confidence: float, region: str, queue: dict[str, int]
) -> None:
    """What fits no queue is asked of the operator, who is asked about low confidence besides."""
    assert asked(lab, subject, confidence, region) == queue


def test_a_gate_of_a_queue_is_told_by_its_code_before_the_run(lab: Served) -> None:
    """Whom it asks a rule works out; which rule that is, and when it asks, is known."""
    body: JSONObject = {
        "query": "data.remit.main.gates[g]",
        "input": facts_of("credit", 0.9, "eu"),
        "unknowns": ["input.action.arguments"],
    }
    status, answer = lab.post("/v1/compile", body)

    assert status == 200, answer
    told = {one.code: one for one in left_over(json.loads(answer))}
    when = ['startswith(arguments.name, "routed")']
    assert told["lab.routed"] == Left("lab.routed", "", when)
    assert "" not in told
