"""Questions about sub-plans, fan-outs and amended plans: the graph goes through, the hash holds."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from activities.amending import Amending
from activities.parts import Parts
from remit.canonical import JSONObject, digest_bytes
from remit.decision.decision import Decided, Decision, Reason
from remit.decision.facts import Facts
from remit.enforcement.frame import Place
from remit.enforcement.opa import facts_document
from remit.enforcement.point import EnforcementPoint
from remit.evidence.lineage import graph_of
from remit.evidence.recompiling import recompile
from remit.ledger.folding import fold
from remit.plan.amendwire import Amend
from remit.plan.compiled import CompiledPlan
from remit.plan.deskwire import Message
from remit.plan.wire import AdmitPart, Outputs, StepCall
from remit.stores.dossier import dossier_of
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.project import load_project
from remit.tool.call import Happened, ToolAnswer, ToolCall
from tests.cli.questions.purchase import DAY, Shopping
from tests.running import ROOT
from tests.stores.ledger_values import HandClock

ROOT_ID = "0198-parts"


class Yes:
    """A judge who allows everything, and tells what it was asked."""

    async def decide(self, facts: Facts) -> Decided:
        """Allow it."""
        document = facts_document(facts)
        reason = Reason(code="test.said", policy="test", message="")
        decision = Decision.model_construct(
            effect="allow", risk="low", reasons=[], permits=[reason],
            obligations=[], approvals=[], reserve=[],
        )  # fmt: skip
        return Decided.model_construct(
            decision=decision, decision_id="decision", revision="revision", facts=document,
            facts_digest=digest_bytes(document), decided_ms=DAY, took_us=1,
        )  # fmt: skip


class Welcoming(Shopping):
    """An onboarding, driven by hand as its workflows would."""

    def answer(self, call: ToolCall) -> ToolAnswer:
        """Answer a call of the plan's."""
        given = call.arguments
        match call.contract.name:
            case "crm.find_accounts":
                return Happened({"accounts": []})
            case "crm.create_account":
                empty: JSONObject = dict.fromkeys(("segment", "phone", "parent_account"))
                terms = ("discount_bps", "credit_limit_micros", "payment_terms_days", "version")
                made: JSONObject = {"id": "acc-1", "status": "open"}
                return Happened({**given, **empty, **dict.fromkeys(terms, 0), **made})
            case "identity.provision_access":
                return Happened({**given, "id": f"acs-{given['subject']}", "status": "active"})
        return Happened({"id": "any-1", "status": "open"})

    async def part(self, step: str, *calls: tuple[str, str, int | None]) -> None:
        """Do a sub-plan: its step, and the calls in it."""
        parts = Parts(self.point)
        asked = AdmitPart(root=self.root, compiled=self.compiled, parent="", step=step, kind="plan")
        admitted = await self.environment("remit.admit_part").run(parts.admit_part, asked)
        inner = admitted.schedule.compiled
        for name, tool, item in calls:
            place = {"root": self.root, "compiled": inner, "parent": step}
            await self.call(StepCall(**place, step=name, item=item), tool)
        outputs = Outputs(root=self.root, compiled=inner, parent=step)
        await self.environment("remit.outputs").run(parts.outputs, outputs)


@dataclass
class Book:
    """A ledger, and ways to read what it holds about the run."""

    ledger: SqlLedger
    clock: HandClock

    def driven(self, kind: type[Shopping], plan: str) -> Shopping:
        """Return a run of a plan of the example."""
        project = load_project(ROOT / "examples" / "backoffice")
        tools = project.catalogue.digests
        point = EnforcementPoint(self.ledger, Yes(), Place(), self.clock, tools)
        return kind(point, self.clock, project, ROOT_ID, False, plan=plan)


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Book]:
    """A ledger of its own."""
    clock = HandClock(DAY)
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock=clock)
    yield Book(ledger, clock)
    await ledger.close()


async def test_values_are_followed_through_sub_plans(book: Book) -> None:
    """A grant of access comes from the run's users and from the account made in another part."""
    run = book.driven(Welcoming, "onboarding")
    assert isinstance(run, Welcoming)
    await run.admit()
    find, create = "crm.find_accounts@1", "crm.create_account@1"
    await run.part("account", ("known", find, None), ("create", create, None))
    grant = "identity.provision_access@1"
    await run.part("access", ("grant", grant, 0), ("grant", grant, 1))
    dossier = await dossier_of(book.ledger.log, ROOT_ID)
    state = fold(ROOT_ID, dossier.records)
    plans = {}
    for name in {one.compiled for one in state.admissions.values()}:
        plans[name] = CompiledPlan.model_validate_json(await dossier.content(name) or b"")
    graph = graph_of(state, plans)

    assert set(graph.sources("access/grant[1]")) == {
        "access/grant[1]",
        "inputs:access",
        "account",
        "account/create",
        "account/known",
        "inputs:account",
        "inputs:",
    }
    assert [one.id for one in map(graph.nodes.get, graph.sources("access")) if one] == [
        *("access", "access/grant[0]", "access/grant[1]", "inputs:access"),
        *("account", "inputs:", "account/create", "inputs:account", "account/known"),
    ]
    made = [one for one in graph.users("account/create") if graph.nodes[one].has_effect]
    assert made == ["account/create", "access/grant[0]", "access/grant[1]"]
    assert graph.is_source(graph.nodes["inputs:"])
    assert not graph.is_source(graph.nodes["inputs:access"])


async def test_a_plan_with_sub_plans_compiles_to_the_same_digest(book: Book) -> None:
    """Documents of the sub-plans are kept, so nothing but the ledger is needed."""
    await book.driven(Welcoming, "onboarding").admit()
    (plan,) = await recompile(await dossier_of(book.ledger.log, ROOT_ID))

    assert (plan.is_same, plan.why) == (True, "")


async def test_an_amended_plan_compiles_to_the_same_digest(book: Book) -> None:
    """The plan in force comes of its base and the proposal; both plans are compared."""
    run = book.driven(Shopping, "purchase")
    await run.admit()
    file = ROOT / "examples" / "backoffice" / "amendments" / "purchase.json"
    proposal: JSONObject = json.loads(file.read_text(encoding="utf-8"))
    message = Message(name="amend", payload=proposal, event="update:1")
    ask = Amend(root=ROOT_ID, compiled=run.compiled, message=message, against={})
    amending = Amending(run.point, run.shop)
    amended = await run.environment("remit.amend").run(amending.amend, ask)
    plans = await recompile(await dossier_of(book.ledger.log, ROOT_ID))

    assert amended.answer.taken, amended.answer
    assert [(one.is_same, one.why) for one in plans] == [(True, ""), (True, "")]
    assert plans[0].compiled != plans[1].compiled


async def test_a_plan_that_compiles_otherwise_is_told(book: Book) -> None:
    """A compiled plan that today's compiler would not make is different, and says wherein."""
    await book.driven(Shopping, "purchase").admit()
    dossier = await dossier_of(book.ledger.log, ROOT_ID)
    (before,) = await recompile(dossier)
    name = before.compiled
    plan = CompiledPlan.model_validate_json(await dossier.content(name) or b"")
    other = plan.model_copy(update={"engine": 7, "goal": "something else"})
    record = {**dossier.records[0], "body": {"run": {}, "compiled": other.digest}}

    async def altered(digest: str) -> bytes | None:
        return other.canonical() if digest == other.digest else await dossier.content(digest)

    strange = type(dossier)(ROOT_ID, [], altered, altered)
    strange.records = [record]
    (plan_,) = await recompile(strange)

    assert (plan_.is_same, bool(plan_.again)) == (False, True)
    assert plan_.why == "other engine, goal"
