"""Facts that tests start from: each kind as the enforcement point would put it together."""

from remit.canonical import JSONObject
from remit.decision.facts import (
    Action,
    Budget,
    Context,
    CostFact,
    DataFound,
    Detected,
    Facts,
    GateFact,
    Grant,
    History,
    Order,
    PlanFact,
    PlanGate,
    PlanStepFact,
    Principal,
    Promotion,
    ProposalFact,
    Run,
    SystemCall,
    TakesFact,
    Vote,
)

NOW_MS = 1_800_000_000_000
DIGEST = "sha256:" + "1" * 64
CONTEXT = Context(
    now_ms=NOW_MS,
    scheduled_ms=NOW_MS,
    environment="test",
    profile="light",
    capabilities=["redact", "limit"],
    region="eu",
)
PRINCIPAL = Principal(
    agent="buyer",
    agent_version="1.4.0",
    on_behalf_of="requester@acme.example",
    tenant="acme",
    verified=False,
    delegation=[],
    starter="",
)
ACTION = Action(
    step_key="0b9b1c1a:order:do",
    path="order",
    step="order",
    direction="do",
    purpose="call",
    attempt=1,
    tool="desk.order@1",
    tool_version="1.0.0",
    contract_digest=DIGEST,
    domain="desk",
    operation="write",
    irreversible=False,
    data_classes=[],
    region="eu",
    destinations=["desk.acme.example"],
    resource="",
    inflow=[],
    detected=Detected(
        classes=["email"],
        places=[DataFound(at="/note", data_class="email", confidence=95)],
        whole=True,
    ),
    arguments={"what": "paper"},
    request_digest=DIGEST,
    proposed_digest=DIGEST,
    cost=CostFact(micros=0, currency="EUR"),
    takes=TakesFact(tokens=0, ms=5000),
    confidence=0.9,
    autonomy="unattended",
    plan_gate=None,
    rollback=False,
)
STEP = PlanStepFact(
    id="order",
    tool="desk.order@1",
    domain="desk",
    operation="write",
    needs=[],
    has_undo=True,
    irreversible=False,
    gated=False,
    autonomy="unattended",
    confidence=None,
    data_classes=[],
    region="eu",
    destinations=["desk.acme.example"],
    fan_out=1,
    cost=CostFact(micros=5, currency="EUR"),
    worst=5,
    inflow=[],
    tools_before=[],
    may_fail_behind=False,
)
PLAN = PlanFact(
    name="supplies",
    version="1.0.0",
    digest=DIGEST,
    compiled_digest=DIGEST,
    owner="team:desk",
    goal="have paper",
    provenance="stated",
    max_steps=10,
    regions=["eu"],
    forbidden_tools=[],
    deadline_ms=NOW_MS + 1000,
    steps_total=1,
    steps=[],
)
BUDGET = Budget(currency="EUR", limit_micros=1000, spent_micros=0, reserved_micros=0, counters={})
HISTORY = History(calls=0, effects=0, denials=0, undone=0, tools=[], on_resource=[])
RUN = Run(
    root="0b9b1c1a",
    workflow_id="supplies",
    run_id="0b9b1c1a",
    path="",
    started_ms=NOW_MS - 1000,
    deadline_ms=NOW_MS + 1000,
)
GRANT = Grant(
    gate="order#1",
    code="operation.spend",
    role="budget_holder",
    by=["holder@acme.example"],
    instead_of=[""],
    proposed_digest=DIGEST,
    enforced_digest=DIGEST,
    expires_ms=NOW_MS + 1,
)
GATE = GateFact(
    id="order#1",
    path="order",
    code="operation.spend",
    role="budget_holder",
    roles=["budget_holder"],
    quorum=1,
    tool="desk.order@1",
    domain="desk",
    proposed_digest=DIGEST,
    expires_ms=NOW_MS + 1,
)


def call(**changes: object) -> Facts:
    """Return the facts of a call whose action differs by `changes`; it is allowed without any."""
    return Facts(
        kind="call",
        principal=PRINCIPAL,
        action=ACTION.model_copy(update=changes),
        plan=PLAN,
        budget=BUDGET,
        history=HISTORY,
        run=RUN,
        context=CONTEXT,
    )


def spending(*grants: Grant, micros: int = 100) -> Facts:
    """Return the facts of a call that spends, with these grants."""
    cost = CostFact(micros=micros, currency="EUR")
    return call(operation="spend", cost=cost).model_copy(update={"grants": list(grants)})


def gated_by_plan() -> Facts:
    """Return the facts of a call for which its plan asks a person."""
    return call(plan_gate=PlanGate(role="lawyer", quorum=1, expires_ms=5, message="read it"))


def admission(*steps: PlanStepFact) -> Facts:
    """Return the facts of a whole plan; it is admitted with sound steps."""
    found = list(steps or (STEP,))
    plan = PLAN.model_copy(update={"steps": found, "steps_total": len(found)})
    return Facts(kind="admission", principal=PRINCIPAL, plan=plan, budget=BUDGET, context=CONTEXT)


def system(
    activity: str = "remit.admit", workflow_type: str = "ExecutePlan", role: str = "orchestrate"
) -> Facts:
    """Return the facts of one of Remit's own activities; it is allowed."""
    called = SystemCall(
        activity=activity, role=role, workflow_type=workflow_type, direction="admit"
    )
    return Facts(kind="system", system=called, context=CONTEXT)


def vote(by: str = "holder@acme.example") -> Facts:
    """Return the facts of a vote; the budget holder's is allowed."""
    cast = Vote(
        gate=GATE,
        by=by,
        verdict="approve",
        verified=False,
        instead_of="",
        to="",
        costs_more=False,
        other_resource=False,
    )
    return Facts(kind="vote", principal=PRINCIPAL, vote=cast, context=CONTEXT)


def order(by: str = "operator@acme.example", name: str = "rollback") -> Facts:
    """Return the facts of an order; the operator's is allowed."""
    told = {"name": name, "path": "", "by": by, "verified": False, "ended_ms": None}
    said = Order.model_validate(told)
    return Facts(kind="order", principal=PRINCIPAL, order=said, context=CONTEXT)


def promotion(by: str = "operator@acme.example") -> Facts:
    """Return the facts of a candidate that permits no more; its base is to be what is served."""
    return Facts(
        kind="promotion",
        promotion=Promotion(
            revision=DIGEST,
            base=DIGEST,
            by=by,
            verified=False,
            decisions=1000,
            unreproducible=0,
            widens=0,
            breaks=0,
            gates=0,
            errors=0,
            widens_data=[],
            report_age_ms=0,
            approvers=[],
        ),
        context=CONTEXT,
    )


def proposal(**changes: object) -> Facts:
    """Return the facts of a proposal that differs by `changes`; it is allowed without any."""
    asked = ProposalFact(
        goal="have paper",
        planner="planners.desk:propose",
        round=1,
        rounds=4,
        cost=CostFact(micros=20, currency="EUR"),
    )
    return Facts(
        kind="proposal",
        principal=PRINCIPAL,
        proposal=asked.model_copy(update=changes),
        budget=BUDGET,
        context=CONTEXT,
    )


def document(facts: Facts) -> JSONObject:
    """Return the facts as JSON that a test may damage."""
    found: JSONObject = facts.model_dump(mode="json")
    return found
