"""`remit propose` on the back office: its planner, its worker, and a script in place of a model."""

import asyncio
import json

import pytest
from temporalio.client import Client

from remit.cli.main import main
from tests.running import ended
from tests.scenarios.office import Office

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

GOAL = "Find out what ten laptops of supplier sup-7 cost"


async def test_a_goal_is_planned_mended_and_run(
    office: Office, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tool that there is not, one that is not the agent's, then a plan; started because asked."""
    words = ["propose", GOAL, "--on-behalf-of", "requester@acme.example", "--submit", "--json"]
    code = await asyncio.to_thread(main, [*words, "--project", str(office.project)])
    told = json.loads(capsys.readouterr().out)

    assert (code, told["status"], told["round"]) == (0, "proposed", 3)
    assert told["plan"]["provenance"]["proposal_id"] == told["proposal"]
    rounds = await client.get_workflow_handle(told["proposal"]).query("rounds")
    assert [one["codes"] for one in rounds] == [
        ["PLAN-UNKNOWN-TOOL"],
        ["plan.tool_not_listed", "agent.tool_not_listed"],
        [],
    ]
    run = client.get_workflow_handle(told["run"]["workflow_id"])
    outcome = await ended(run)
    assert outcome["status"] == "completed"
    assert outcome["outputs"]["total_micros"] > 0
