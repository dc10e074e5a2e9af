"""The MCP server by a real client in the same process: everything that needs no stack."""

import json
from pathlib import Path
from typing import Any

import mcp
import pytest

from remit.cli.compiling import Workshop
from remit.cli.mcp.desk import Desk
from remit.cli.mcp.server import PLAN_SCHEMA, make_server
from remit.cli.mcp.who import Who
from remit.cli.stack.environment import StackEnvironment
from tests.mcp.broken import BROKEN
from tests.mcp.mending import mend
from tests.running import ROOT, plan, put

LAB = ROOT / "tests" / "lab"
WHO = Who("tester", "lab", "asker@lab.example")


def environment() -> StackEnvironment:
    """Return the settings of a stack that nobody started."""
    nowhere = Path("nowhere")
    return StackEnvironment(
        project=LAB,
        temporal_address="127.0.0.1:1",
        temporal_ui="",
        opa_socket=nowhere,
        opa_token_file=nowhere,
        ledger_url="sqlite://",
        log_dir=nowhere,
        opa_binary=nowhere,
        temporal_binary=nowhere,
    )


@pytest.fixture(scope="module")
def workshop() -> Workshop:
    """The lab's tools."""
    return Workshop.of(LAB)


def connected(workshop: Workshop) -> mcp.Client:
    """Return a client of a server for the lab's agent."""
    return mcp.Client(make_server(Desk(workshop, environment(), WHO)))


async def asked(client: mcp.Client, name: str, **given: Any) -> dict[str, Any]:
    """Return the structured answer of one tool."""
    result = await client.call_tool(name, given)
    assert not result.is_error, result.content
    answer: dict[str, Any] = result.structured_content or {}
    return answer


async def test_it_offers_no_way_to_vote(workshop: Workshop) -> None:
    """The tools are exactly these; none approves, rejects or orders."""
    async with connected(workshop) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}

    assert names == {
        "list_tools", "read_tool", "read_plan_schema", "validate_plan", "dry_run_plan",
        "submit_plan", "follow_run", "read_refusals",
    }  # fmt: skip


async def test_the_plan_schema_is_a_resource_and_a_tool(workshop: Workshop) -> None:
    """Both give the same schema."""
    async with connected(workshop) as client:
        read = await client.read_resource(PLAN_SCHEMA)
        told = await asked(client, "read_plan_schema")

    assert json.loads(read.contents[0].text) == told


@pytest.mark.parametrize("code", BROKEN)
async def test_a_broken_plan_is_mended_by_its_diagnostics_alone(
    workshop: Workshop, code: str
) -> None:
    """Each has its own code first, and a repairer that knows no plans brings it to validity."""
    document = BROKEN[code]
    async with connected(workshop) as client:
        answer = await asked(client, "validate_plan", plan=document)

        assert not answer["ok"]
        assert code in [finding["code"] for finding in answer["diagnostics"]]
        for _ in range(5):
            if answer["ok"]:
                break
            document = mend(document, answer["diagnostics"][0])
            answer = await asked(client, "validate_plan", plan=document)
        assert answer["ok"], answer


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("agent", "reader@1.0.0", "MCP-AGENT"),
        ("tenant", "other", "MCP-TENANT"),
        ("on_behalf_of", "boss@lab.example", "MCP-PRINCIPAL"),
    ],
)
@pytest.mark.parametrize("tool", ["validate_plan", "dry_run_plan", "submit_plan"])
async def test_a_plan_of_somebody_else_is_refused(
    workshop: Workshop, tool: str, field: str, value: str, code: str
) -> None:
    """Who the agent is was settled at the start; the plan's word is only compared with it."""
    given = {"request_id": "one"} if tool == "submit_plan" else {}
    document = {**plan("strange", [put("a", "a")]), field: value}

    async with connected(workshop) as client:
        answer = await asked(client, tool, plan=document, **given)

    assert [finding["code"] for finding in answer["diagnostics"]] == [code]
    assert mend(document, answer["diagnostics"][0])[field] != value


async def test_a_version_is_held_to_where_one_is_meant() -> None:
    """`--agent tester@2.0.0` is that version alone."""
    assert Who("tester", "", "").is_agent("tester@1.0.0")
    assert Who("tester@2.0.0", "", "").is_agent("tester@2.0.0")
    assert not Who("tester@2.0.0", "", "").is_agent("tester@1.0.0")
    assert not Who("tester", "", "").is_agent("testers@1.0.0")


@pytest.mark.parametrize("garbage", [None, 7, "no plan", [], {}, {"plan": 5}, {"steps": "x"}])
async def test_garbage_is_findings_and_no_error(workshop: Workshop, garbage: object) -> None:
    """Whatever stands in place of a plan comes back as diagnostics."""
    async with connected(workshop) as client:
        answer = await asked(client, "validate_plan", plan=garbage)

    assert not answer["ok"]
    assert answer["diagnostics"]


async def test_a_stack_that_is_away_is_said_with_a_code(workshop: Workshop) -> None:
    """Following and submitting without Temporal are refusals, not tracebacks."""
    document = plan("away", [put("a", "a")])
    async with connected(workshop) as client:
        submitted = await asked(client, "submit_plan", plan=document, request_id="r")
        followed = await asked(client, "follow_run", run_id="remit/lab/x", wait_s=0)

    for answer in (submitted, followed):
        assert [finding["code"] for finding in answer["diagnostics"]] == ["TEMPORAL-UNREACHABLE"]
