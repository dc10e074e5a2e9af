"""What the policies answer: one closed form, one verdict for one input, and who may do what."""

import pytest
from pydantic import ValidationError

from remit.canonical import canonical
from remit.decision.decision import Decision
from remit.decision.facts import CostFact, Facts
from remit.plan.wire import SYSTEM_ACTIVITIES
from tests.policies import given
from tests.policies.served import Served

pytestmark = pytest.mark.opa

_OTHER = "sha256:" + "2" * 64


def decide(policies: Served, facts: Facts) -> Decision:
    """Ask, and read the answer strictly."""
    return Decision.model_validate(policies.ask(given.document(facts)))


def codes(decision: Decision) -> set[str]:
    """Codes of the reasons."""
    return {reason.code for reason in decision.reasons}


@pytest.mark.parametrize(
    ("facts", "effect"),
    [
        (given.call(), "allow"),
        (given.call(arguments={"count": 9}), "allow"),
        (given.call(direction="undo", rollback=True), "allow"),
        (given.call(purpose="probe", operation="read"), "allow"),
        (given.gated_by_plan(), "require_approval"),
        (given.spending(), "require_approval"),
        (given.spending(given.GRANT), "allow"),
        (given.call(domain="nobody"), "deny"),
        (given.admission(), "allow"),
        (given.admission(given.STEP.model_copy(update={"has_undo": False})), "deny"),
        (given.system(), "allow"),
        (given.system("remit.other"), "deny"),
        (given.vote(), "allow"),
        (given.vote("requester@acme.example"), "deny"),
        (given.order(), "allow"),
        (given.order("holder@acme.example"), "deny"),
    ],
)
def test_every_answer_has_the_closed_form(policies: Served, facts: Facts, effect: str) -> None:
    """Whatever is asked, the answer is a `Decision`, names its revision and echoes the digest."""
    decision = decide(policies, facts)

    assert decision.effect == effect
    assert decision.policy_revision == policies.revision
    assert decision.proposed_digest == (facts.action.proposed_digest if facts.action else None)


def test_one_input_has_one_verdict(policies: Served) -> None:
    """Asked a thousand times, the policies say the same."""
    document = given.document(given.spending(given.GRANT))
    answers = {str(policies.ask(document)) for _ in range(1000)}

    assert len(answers) == 1


def test_a_costly_allow_reserves(policies: Served) -> None:
    """What the call costs is reserved on the run's counter, up to the plan's limit."""
    decision = decide(policies, given.spending(given.GRANT))

    assert [r.model_dump() for r in decision.reserve] == [
        {"counter": "run/0b9b1c1a/micros", "amount": 100, "ceiling": 1000}
    ]


def test_a_bound_that_nobody_set_can_be_recorded(policies: Served) -> None:
    """What a plan without a limit reserves stands in a record, whose numbers are bounded."""
    grant = given.GRANT.model_copy(update={"code": "budget.unbudgeted"})
    facts = given.call(cost=CostFact(micros=5, currency="EUR"))
    budget = given.BUDGET.model_copy(update={"limit_micros": None, "currency": ""})
    decision = decide(policies, facts.model_copy(update={"budget": budget, "grants": [grant]}))

    assert decision.effect == "allow"
    (reserve,) = decision.reserve
    assert canonical(reserve.model_dump())
    with pytest.raises(ValidationError):
        reserve.model_validate({**reserve.model_dump(), "ceiling": reserve.ceiling + 1})


def test_obligations_of_a_domain_come_with_the_allow(policies: Served) -> None:
    """A project's own rule lowers a number of the call."""
    decision = decide(policies, given.call(arguments={"count": 9}))

    assert [o.model_dump() for o in decision.obligations] == [
        {"type": "limit", "critical": True, "path": "/count", "max": 3}
    ]


def test_another_agents_tool_is_out_of_scope(policies: Served) -> None:
    """An agent is refused the tools of a domain that it holds no scope for, with that reason."""
    decision = decide(policies, given.call(domain="finance", tool="finance.book@1"))

    assert codes(decision) == {"agent.scope_missing"}


def test_a_reader_may_not_delete(policies: Served) -> None:
    """Scopes are apart for each operation."""
    decision = decide(policies, given.call(operation="delete"))

    assert codes(decision) == {"agent.scope_missing"}


@pytest.mark.parametrize(
    "change",
    [
        {"code": "operation.delete"},
        {"role": "data_owner"},
        {"proposed_digest": _OTHER},
        {"expires_ms": given.NOW_MS},
        {"by": ["requester@acme.example"]},
        {"by": ["buyer"]},
        {"by": ["nobody@acme.example"]},
        {"by": []},
    ],
)
def test_a_grant_for_something_else_opens_nothing(
    policies: Served, change: dict[str, object]
) -> None:
    """Another code, role, payload, moment or person, and the gate is still closed."""
    facts = given.spending(given.GRANT.model_copy(update=change))

    assert decide(policies, facts).effect == "require_approval"


def test_the_gate_names_role_quorum_and_expiry(policies: Served) -> None:
    """They come from the data, so that a project can set them."""
    [demand] = decide(policies, given.spending()).approvals

    assert (demand.code, demand.role, demand.quorum) == ("operation.spend", "budget_holder", 1)
    assert demand.expires_in_ms == 86_400_000


@pytest.mark.parametrize("activity", SYSTEM_ACTIVITIES)
def test_each_of_our_own_activities_is_known(policies: Served, activity: str) -> None:
    """Each activity type of the wire is allowed to some workflow, and refused to a stranger."""
    workflows = (
        *("ExecutePlan", "ExecutePart", "UnwindPart"),
        *("RepairRun", "RollbackRun", "TendRun", "StopCalls", "ProposePlan"),
    )
    role = "plan" if activity == "remit.propose_plan" else "orchestrate"
    effects = [decide(policies, given.system(activity, name, role)).effect for name in workflows]

    assert "allow" in effects
    assert decide(policies, given.system(activity, "Mine", role)).effect == "deny"


def test_a_plan_of_a_thousand_steps_is_judged_in_time(policies: Served) -> None:
    """A large plan that is wrong in each step is refused, with as many reasons as fit."""
    wrong = given.STEP.model_copy(update={"has_undo": False, "cost": None, "worst": None})
    steps = [wrong.model_copy(update={"id": f"s{n}"}) for n in range(1000)]
    facts = given.admission(*steps)
    plan = facts.plan.model_copy(update={"max_steps": None}) if facts.plan else None
    decision = decide(policies, facts.model_copy(update={"plan": plan}))

    assert decision.effect == "deny"
    assert len(decision.reasons) == 50
    assert codes(decision) == {"plan.undo_missing"}
