"""What a dry run asks: the facts that a run would have by then."""

from remit.canonical import digest
from remit.decision.decision import Decided, Decision, Reason
from remit.decision.facts import Facts
from remit.enforcement.opa import OpaClient
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.planfacts import Outlook
from remit.enforcement.rehearsal.asking import Asking
from remit.enforcement.rehearsal.stage import Stage
from remit.plan.compiler import compile_plan
from remit.plan.flow import Entry
from remit.plan.library import Library
from remit.stores.project import load_project
from tests.running import ROOT


class Heard(OpaClient):
    """Allows everything, and keeps what was asked."""

    def __init__(self) -> None:
        self.facts: list[Facts] = []

    async def decide(self, facts: Facts, headers: object = None) -> Decided:
        """Allow it."""
        self.facts.append(facts)
        reason = Reason(code="test.said", policy="test", message="")
        decision = Decision.model_construct(
            effect="allow", risk="low", reasons=[reason], permits=[reason],
            obligations=[], approvals=[], reserve=[],
        )  # fmt: skip
        return Decided.model_construct(
            decision=decision, decision_id="d", revision="r",
            facts=b"{}", facts_digest=digest({}), decided_ms=0, took_us=1,
        )  # fmt: skip


async def asked(plan: str) -> list[Facts]:
    """Return what the dry run of a plan of the back office asks."""
    project = load_project(ROOT / "examples" / "backoffice")
    library = Library(project.library_documents)
    made = compile_plan({"plan": f"{plan}@1.0.0"}, project.catalogue, library)
    assert made.compiled is not None, made.diagnostics
    heard = Heard()
    outlook = Outlook(made.contracts, made.parts)
    asking = Asking(heard, made.compiled, outlook)
    pinned = PinnedPlan.of(made.digest, made.compiled)
    await asking.admission(pinned, Entry(), "")
    await Stage(asking, outlook.flows).play(pinned, made.compiled.inputs)
    return heard.facts


async def test_a_dry_run_knows_what_was_done_before() -> None:
    """A deletion is asked about as it will be: behind the archive copy of the same record."""
    facts = await asked("delete-record")
    (deletion,) = [one for one in facts if one.action and one.action.tool == "erp.delete_record@1"]
    (archiving,) = [
        one
        for one in facts
        if one.action and (one.action.tool, one.action.direction) == ("erp.archive_record@1", "do")
    ]

    assert archiving.history is not None
    assert (archiving.history.tools, archiving.history.on_resource) == (["erp.get_record@1"], [])
    assert deletion.history is not None
    assert deletion.history.tools == ["erp.archive_record@1", "erp.get_record@1"]
    assert deletion.history.on_resource == ["erp.archive_record@1"]
    assert deletion.action is not None
    assert deletion.action.resource.startswith("erp:")


async def test_a_dry_run_knows_who_hands_down() -> None:
    """What a sub-plan does is asked about with the agents above it; the run's own has none."""
    facts = await asked("onboarding")
    above = {one.principal.agent: one.principal.delegation for one in facts if one.principal}

    assert above.pop("onboarding-agent") == []
    assert set(above) == {"crm-agent", "identity-agent", "billing-agent"}
    assert all(agents == ["onboarding-agent"] for agents in above.values())
