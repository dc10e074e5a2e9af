"""A planner at work: `python -m examples.agents.run "GOAL"`, on a stack that is up.

Without `--url` a stand-in for the model answers from a script, so that nothing leaves the machine:
it proposes a tool that there is not, then one that this agent may not use, then a plan that runs.
With `--url` any OpenAI-compatible endpoint is asked.
"""

import argparse
import asyncio
import json
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import mcp

from examples.agents.plans import Answer
from examples.agents.remit_by_mcp import Mandate, Remit
from examples.agents.script import GOAL, PROPOSALS
from examples.agents.stub_model import Request, Says, StubModel
from examples.agents.tool_planner import Endpoint, ToolPlanner

PROJECT: Final = Path(__file__).resolve().parent.parent / "backoffice"


class Script:
    """The stand-in for a model that calls tools: it validates, submits, and tries again."""

    def __init__(self) -> None:
        self._turn = 0

    def __call__(self, request: Request) -> Says:
        """Return the next call; a run's id comes out of the answer before."""
        self._turn += 1
        said = str(request["messages"][-1]["content"])
        run = said.split('"run_id": "')[1].split('"')[0] if '"run_id": "' in said else ""
        wrong, refused, good = PROPOSALS
        turns = (
            Says({"plan": wrong}, tool="validate_plan"),
            Says({"plan": refused, "request_id": "first"}, tool="submit_plan"),
            Says({"run_id": run, "wait_s": 20}, tool="follow_run"),
            Says({"run_id": run}, tool="read_refusals"),
            Says({"plan": good, "request_id": "second"}, tool="submit_plan"),
            Says({"run_id": run, "wait_s": 20}, tool="follow_run"),
            Says(text="Done."),
        )
        return turns[min(self._turn, len(turns)) - 1]


async def achieve(arguments: argparse.Namespace) -> Answer:
    """Let the chosen planner reach the goal; return how its last run stands."""
    mandate = Mandate(arguments.agent, arguments.on_behalf_of, arguments.tenant, "team:workplace")
    is_plain = arguments.planner == "tools"
    async with AsyncExitStack() as stack:
        url = arguments.url
        if not url:
            script = Script() if is_plain else [Says(body) for body in PROPOSALS]
            url = (await stack.enter_async_context(StubModel(script))).url
        server = mcp.Client(mandate.server(str(arguments.project)))
        remit = Remit(await stack.enter_async_context(server))
        key = os.environ.get(arguments.key_env, "")
        if is_plain:
            endpoint = Endpoint(url, arguments.model, key)
            return await ToolPlanner(remit, mandate, endpoint).achieve(arguments.goal)
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        from examples.agents.pydantic_planner import PydanticPlanner

        provider = OpenAIProvider(base_url=url, api_key=key or "none")
        model = OpenAIChatModel(arguments.model, provider=provider)
        return await PydanticPlanner(remit, mandate, [model]).achieve(arguments.goal)


def read_arguments() -> argparse.Namespace:
    """Return what was typed."""
    parser = argparse.ArgumentParser(description="A planner at work.")
    parser.add_argument("goal", nargs="?", default=GOAL)
    parser.add_argument("--planner", choices=("pydantic", "tools"), default="pydantic")
    parser.add_argument("--project", type=Path, default=PROJECT)
    parser.add_argument("--agent", default="buyer@1.4.0")
    parser.add_argument("--on-behalf-of", default="requester@acme.example")
    parser.add_argument("--tenant", default="acme")
    parser.add_argument("--url", default="", help="base URL of an OpenAI-compatible endpoint")
    parser.add_argument("--model", default="stub")
    parser.add_argument("--key-env", default="MODEL_KEY", help="variable with the key")
    return parser.parse_args()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(achieve(read_arguments())), indent=2))  # noqa: T201
