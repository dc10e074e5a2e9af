"""The planners of `examples/agents`: they repair and replan, and could not act if they wanted."""

import ast
from typing import Any

import pytest

from examples.agents.plans import plan_of
from examples.agents.remit_by_mcp import Mandate, Remit
from examples.agents.script import GOAL, PROPOSALS
from examples.agents.stub_model import Bad, Request, Says, StubModel
from examples.agents.tool_planner import Endpoint, ToolPlanner
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.stores.project import load_project
from tests.mcp.test_running_mcp import here
from tests.running import ROOT, Running

MANDATE = Mandate("tester@1.0.0", "asker@lab.example", "lab", "team:lab")
FOLDER = ROOT / "examples" / "agents"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.name)
def test_a_planner_imports_nothing_that_acts(file: Any) -> None:
    """No workflow, no activity, no worker, no store: only what stands in its own folder."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        rooms = {name.partition(".")[0] for name in names}
        assert not rooms & {"activities", "workflows", "workers", "remit", "temporalio"}


def bodies(tag: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return what a model proposes: one that does not compile, one that is refused, a good one."""
    args = {"name": f"{tag}a"}
    wrong = {"steps": [{"id": "a", "tool": "lab.putt@1", "args": args}]}
    leave = {"id": "a", "tool": "lab.leave@1", "args": args, "irreversible": True}
    good = {"steps": [{"id": "a", "tool": "lab.put@1", "args": args}]}
    return wrong, {"steps": [leave]}, good


def model(stub: StubModel, name: str = "stub") -> Any:
    """Return a model that speaks to a stub."""
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIChatModel(name, provider=OpenAIProvider(base_url=stub.url, api_key="none"))


@pytest.mark.stack
@pytest.mark.xdist_group("lab_too")
async def test_the_pydantic_planner_repairs_and_replans(lab: Running, tag: str) -> None:
    """A model that is away hands over; findings and refusals reach the next; the goal is done."""
    # Its library takes seconds to load, and each process that runs tests reads this file.
    from examples.agents.pydantic_planner import PydanticPlanner

    script = [Says(one) for one in bodies(tag)]
    async with StubModel([Bad(400)]) as away, StubModel(script) as stub, here(lab) as client:
        planner = PydanticPlanner(Remit(client), MANDATE, [model(away, "away"), model(stub)])
        ended = await planner.achieve(f"put {tag} down")

    assert ended["outcome"]["status"] == "completed"
    assert "PLAN-UNKNOWN-TOOL" in str(stub.asked[1]["messages"])
    assert "lab.leave@1" in str(stub.asked[2]["messages"])
    assert lab.effects(tag) == [f"put {tag}a"]


class Clerk:
    """A model that works through its tools, as a script has it."""

    def __init__(self, tag: str) -> None:
        self.tag, self.turn = tag, 0

    def __call__(self, request: Request) -> Says:
        """Return the next call; ids of runs come out of the answers before."""
        self.turn += 1
        wrong, refused, good = bodies(self.tag)
        heard = request["messages"][-1]["content"]
        run = heard.split('"run_id": "')[1].split('"')[0] if '"run_id": "' in heard else ""
        turns = [
            Says({}, tool="list_tools"),
            Says({"plan": {**wrong, "agent": "boss@1.0.0"}}, tool="validate_plan"),
            Says({"plan": refused, "request_id": "1"}, tool="submit_plan"),
            Says({"run_id": run, "wait_s": 20}, tool="follow_run"),
            Says({"run_id": run}, tool="read_refusals"),
            Says({"plan": good, "request_id": "2"}, tool="submit_plan"),
            Says({"run_id": run, "wait_s": 20}, tool="follow_run"),
            Says(text="It is down."),
        ]
        return turns[self.turn - 1]


@pytest.mark.stack
@pytest.mark.xdist_group("lab_too")
async def test_the_plain_planner_repairs_and_replans(lab: Running, tag: str) -> None:
    """The model calls Remit's own tools; whom it acts for is not its to write."""
    async with StubModel(Clerk(tag)) as stub, here(lab) as client:
        planner = ToolPlanner(Remit(client), MANDATE, Endpoint(stub.url, "stub"))
        ended = await planner.achieve(f"put {tag} down")

    assert ended["outcome"]["status"] == "completed"
    heard = [str(request["messages"][-1]["content"]) for request in stub.asked]
    assert "PLAN-UNKNOWN-TOOL" in heard[2]
    assert "MCP-AGENT" not in str(heard)
    assert "lab.leave@1" in heard[5]
    assert lab.effects(tag) == [f"put {tag}a"]


def test_the_offline_demo_tells_what_it_says() -> None:
    """For the back office: one proposal does not compile, and the others do."""
    project = load_project(ROOT / "examples" / "backoffice")
    mandate = Mandate("buyer@1.4.0", "requester@acme.example", "acme", "team:workplace")
    found = [
        compile_plan(plan_of(GOAL, body, mandate, {}), project.catalogue, Library({})).diagnostics
        for body in PROPOSALS
    ]

    assert [[one.code for one in each] for each in found] == [["PLAN-UNKNOWN-TOOL"], [], []]
