"""Two purchases of the back office in a ledger of their own: real pipeline, real OPA, no stack.

One is bought after the budget holder agreed; the other's supplier only says that it confirmed, so
everything is undone. The clock is the test's, so that answers about them can be written down.
"""

import json
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.planning import Planning, Shop
from activities.voting import Voting
from remit.canonical import JSONObject, digest_bytes
from remit.cli.questions import rules
from remit.cli.stack.bundle import Bundle
from remit.enforcement.frame import Frame, Place
from remit.enforcement.point import EnforcementPoint
from remit.evidence.checkpoint import SigningKey
from remit.ledger.entries import Record
from remit.plan.deskwire import Message, Votes
from remit.plan.library import Library
from remit.plan.path import Direction
from remit.plan.wire import Admit, Admitted, StepCall, StepResult
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.project import Project, load_project
from remit.tool.call import Absent, Happened, ToolAnswer, ToolCall
from tests.running import ROOT
from tests.stores.ledger_values import HandClock

BOUGHT, UNDONE = "0198-bought", "0198-undone"
HOLDER, REQUESTER = "budget.holder@acme.example", "requester@acme.example"
KEY = SigningKey("remit.example/ledger", bytes(range(32)))
DAY = 1_795_000_000_000
"""The moment at which the first purchase begins, milliseconds of Unix time."""


@dataclass
class Shopping:
    """One run, driven by hand as its workflow would."""

    point: EnforcementPoint
    clock: HandClock
    project: Project
    root: str
    lies: bool
    """Whether the supplier says that it confirmed, and did not."""
    compiled: str = ""
    plan: str = "purchase"
    said: ToolAnswer = field(default_factory=Absent)
    """What the last call of the plan was answered."""

    @property
    def shop(self) -> Shop:
        """What plans are compiled against."""
        return Shop(self.project.catalogue, Library(self.project.library_documents))

    def frame(self, activity: str, number: int = 1) -> Frame:
        """Return the frame of an activity."""
        owner = f"{self.root}/{activity}/{number}"
        role = "orchestrate" if activity.startswith("remit.") else "tools"
        name = f"remit/acme/{self.root}"
        return Frame(name, self.root, "ExecutePlan", activity, 1, self.clock.now_ms, owner, role)

    def environment(self, activity: str) -> ActivityEnvironment:
        """Return where an activity of Remit's own runs."""
        environment = ActivityEnvironment()
        at = datetime.fromtimestamp(self.clock.now_ms / 1000, UTC)
        environment.info = replace(
            environment.info,
            workflow_id=f"remit/acme/{self.root}",
            workflow_run_id=self.root,
            workflow_type="ExecutePlan",
            activity_type=activity,
            current_attempt_scheduled_time=at,
        )
        return environment

    async def admit(self) -> None:
        """Admit the plan."""
        planning = Planning(self.point, self.shop, self.clock)
        file = ROOT / "examples" / "backoffice" / "plans" / f"{self.plan}.json"
        document = json.loads(file.read_text(encoding="utf-8"))
        ask = Admit(root=self.root, document=document)
        admitted: Admitted = await self.environment("remit.admit").run(planning.admit, ask)
        self.compiled = admitted.schedule.compiled

    async def do(self, step: str, tool: str, item: int | None = None) -> StepResult:
        """Do a step."""
        call = StepCall(root=self.root, compiled=self.compiled, step=step, item=item)
        return await self.call(call, tool)

    async def undo(self, step: str, tool: str) -> StepResult:
        """Undo a step."""
        place = {"root": self.root, "compiled": self.compiled, "step": step}
        return await self.call(StepCall(**place, direction=Direction.UNDO, tool=tool), tool)

    async def call(self, call: StepCall, tool: str) -> StepResult:
        """Make a call of the pipeline's."""
        self.clock.advance(1000)
        return await self.point.call(call, self.frame(tool), self.send)

    async def vote(self, by: str, digest: str) -> None:
        """Let somebody approve the order."""
        self.clock.advance(60_000)
        payload: JSONObject = {"step": "order", "by": by, "digest": digest, "comment": "fine"}
        message = Message(name="approve", payload=payload, event=f"signal:{by}")
        ask = Votes(root=self.root, workflow_id=f"remit/acme/{self.root}", messages=[message])
        voting = Voting(self.point, self.clock)
        await self.environment("remit.vote").run(voting.vote, ask)

    async def send(self, call: ToolCall) -> ToolAnswer:
        """Answer as the company's systems would; a read-back finds what was answered before it."""
        if call.purpose != "read_back":
            self.said = self.answer(call)
        elif self.lies and call.contract.name == "supplier.get_confirmation":
            return Absent()
        return self.said

    def answer(self, call: ToolCall) -> ToolAnswer:
        """Answer a call of the plan's."""
        arguments = call.arguments
        match call.contract.name:
            case "finance.reserve_budget":
                return Happened({**arguments, "id": "res-1", "status": "held"})
            case "supplier.get_quote":
                quoted = {"supplier": "sup-7", "item": "laptop", "quantity": 3}
                money: JSONObject = {"currency": "EUR", "total_micros": 4_100_000_000}
                unit: JSONObject = {"id": "quo-1", "unit_micros": 1_366_666_666}
                return Happened({**quoted, **money, **unit})
            case "erp.place_order":
                return Happened({**arguments, "id": "ord-1", "status": "placed"})
            case "finance.post_entry":
                return Happened({**arguments, "id": "ent-1", "status": "posted"})
            case "supplier.confirm_order":
                return Happened({**arguments, "id": "con-1", "status": "confirmed"})
            case "mail.notify":
                return Happened({**arguments, "id": "msg-1", "status": "sent"})
        return Happened({"id": "any-1", "status": "done", "changed": True})

    async def buy(self) -> None:
        """Go the plan's way until it is done or its supplier lied."""
        ledger = self.point.ledger
        await self.admit()
        await self.do("budget", "finance.reserve_budget@1")
        await self.do("quote", "supplier.get_quote@1")
        waits = await self.do("order", "erp.place_order@1")
        assert waits.gate is not None
        await self.vote(REQUESTER, waits.gate.proposed_digest)
        await self.vote(HOLDER, waits.gate.proposed_digest)
        await self.do("order", "erp.place_order@1")
        await self.do("entry", "finance.post_entry@1")
        try:
            await self.do("confirm", "supplier.confirm_order@1")
        except ApplicationError:
            await self.unwind()
            return
        await self.do("notify", "mail.notify@1", item=0)
        await self.point.system(self.frame("remit.outputs"), self.root)
        await ledger.close_run(self.root, "completed", [])

    async def unwind(self) -> None:
        """Undo everything, in reverse."""
        await self.point.system(self.frame("remit.settle"), self.root)
        await self.point.ledger.fence(self.root, "")
        await self.undo("confirm", "supplier.withdraw_confirmation@1")
        await self.undo("entry", "finance.reverse_entry@1")
        await self.undo("order", "erp.cancel_order@1")
        await self.undo("budget", "finance.release_budget@1")
        await self.point.ledger.close_run(self.root, "failed", [])


def project_in(folder: Path) -> Path:
    """Return a copy of the example, with a place for a ledger."""
    source = ROOT / "examples" / "backoffice"
    ignored = shutil.ignore_patterns(".remit", "__pycache__", "service")
    project = shutil.copytree(source, folder / "office", ignore=ignored)
    (project / ".remit" / "data").mkdir(parents=True)
    return project


async def furnish(folder: Path) -> Path:
    """Make a project with both purchases in its ledger; return its folder."""
    project = project_in(folder)
    clock = HandClock(DAY)
    ledger = await open_ledger(f"sqlite:///{project}/.remit/data/ledger.db", clock=clock)
    opa = rules.opa_binary()
    bundle = rules.build(project / "policies", opa)
    known = load_project(project)
    async with rules.serving(opa, bundle.content) as judge:
        digests = known.catalogue.digests
        point = EnforcementPoint(ledger, judge, Place(), clock, digests)
        for root, lies in ((BOUGHT, False), (UNDONE, True)):
            await Shopping(point, clock, known, root, lies).buy()
            await seal(ledger, root, bundle)
    await ledger.log.sequence(KEY)
    await ledger.close()
    return project


async def seal(ledger: SqlLedger, root: str, bundle: Bundle) -> None:
    """Keep the policies, and name them in a seal as the keeper does."""
    await ledger.log.keep_bundle(bundle.revision, bundle.content)
    named: JSONObject = {"revision": bundle.revision, "bundle": digest_bytes(bundle.content)}
    body: JSONObject = {"status": "completed", "history": [], "policies": [named]}
    await ledger.append(root, [Record("seal", body)])
