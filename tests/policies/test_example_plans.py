"""The example company's plans, judged whole by its own policies without a stack."""

from collections.abc import Iterator

import pytest

from remit.cli.compiling import Workshop, read_plan_file
from remit.decision.decision import Decision
from remit.decision.facts import Facts
from remit.enforcement.deciding import principal
from remit.enforcement.opa import OpaClient
from remit.enforcement.planfacts import Outlook
from remit.enforcement.rehearsal.rehearsing import REFUSED, rehearse, says
from remit.plan.compiled import CompiledPlan
from remit.plan.delegation import agents_above
from remit.plan.flow import Entry
from tests.policies import given
from tests.policies.served import ROOT, Served, serve

pytestmark = pytest.mark.opa

OFFICE = ROOT / "examples" / "backoffice"
PLANS = [
    "credit-risk",
    "crm-update",
    "data-request",
    "delete-record",
    "nightly-report",
    "onboarding",
    "purchase",
]


@pytest.fixture(scope="module")
def office() -> Iterator[Served]:
    """The example's policies on a real OPA."""
    with serve(project=OFFICE / "policies") as served:
        yield served


def judged(served: Served, plan: CompiledPlan, outlook: Outlook) -> dict[str, Decision]:
    """Return the decisions about a plan and its sub-plans, by name."""
    above = agents_above(plan, outlook.flows.parts)
    names = {id(part): name for name, part in outlook.flows.parts.items()}
    plans = [(plan, outlook.facts(plan, Entry()))]
    plans += [(outlook.flows.parts[name], facts) for name, facts in outlook.parts(plan)]
    found: dict[str, Decision] = {}
    for one, steps in plans:
        limit = plan.constraints.cost
        facts = Facts(
            kind="admission",
            principal=principal(one, above.get(names.get(id(one), ""), ())),
            plan=given.PLAN.model_copy(
                update={
                    "steps": steps,
                    "steps_total": len(steps),
                    "max_steps": None,
                    "regions": one.constraints.regions,
                }
            ),
            budget=given.BUDGET.model_copy(
                update={"limit_micros": limit.micros if limit else None}
            ),
            context=given.CONTEXT,
        )
        found[one.name] = Decision.model_validate(served.ask(given.document(facts)))
    return found


@pytest.mark.parametrize("name", PLANS)
def test_an_example_is_admitted_whole(office: Served, name: str) -> None:
    """With its sub-plans, each for its own agent, and held to what the company holds plans to."""
    workshop = Workshop.of(OFFICE)
    made = workshop.compile(read_plan_file(str(OFFICE / "plans" / f"{name}.json")))
    assert made.compiled is not None
    outlook = Outlook(made.contracts, made.parts)

    decisions = judged(office, made.compiled, outlook)

    assert {one: [reason.code for reason in said.reasons] for one, said in decisions.items()} == {
        one: ["plan.permitted"] for one in decisions
    }


@pytest.mark.parametrize("name", PLANS)
async def test_a_dry_run_refuses_none_for_what_only_the_run_can_tell(
    office: Served, name: str
) -> None:
    """Each of the plans goes through in the company; a guess must not refuse it before."""
    workshop = Workshop.of(OFFICE)
    compilation = workshop.compile(read_plan_file(str(OFFICE / "plans" / f"{name}.json")))
    assert compilation.compiled is not None
    async with OpaClient(office.socket, deadline_s=10) as client:
        seen = await rehearse(compilation, compilation.compiled, client)

    refused = [(one.path, one.answer) for one in seen.scenes if says(one) == "deny"]
    assert (seen.verdict != REFUSED, refused) == (True, [])
    if name == "credit-risk":
        notes = {one.path: " ".join(one.notes) for one in seen.scenes}
        assert "other values would be refused" in notes["limit"]
        assert "credit.overindebted" in notes["limit"]
        assert "credit.score_too_low" in notes["limit"]
