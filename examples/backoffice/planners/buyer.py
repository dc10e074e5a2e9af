"""The back office's planner: the writer of `examples/agents`, asked by a worker of its own.

`MODEL_URL`, `MODEL_NAME` and `MODEL_KEY` name any OpenAI-compatible endpoint. Without an address a
stand-in answers from a script, so that nothing leaves the machine: a tool that there is not, then
one that the agent may not use, then a plan that runs.
"""

import os
from contextlib import AsyncExitStack

from remit.plan.planner import Proposal, Wish


async def propose(wish: Wish) -> Proposal:
    """Have a model write a plan for a goal; who acts for whom is not a model's to write."""
    # The model's library takes seconds to import: whoever never asks need not wait for it.
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    from examples.agents.plans import plan_of
    from examples.agents.script import PROPOSALS
    from examples.agents.stub_model import Says, StubModel
    from examples.agents.writer import write

    async with AsyncExitStack() as stack:
        url = os.environ.get("MODEL_URL", "")
        if not url:
            body = PROPOSALS[min(len(wish.earlier), len(PROPOSALS) - 1)]
            url = (await stack.enter_async_context(StubModel([Says(body)]))).url
        key = os.environ.get("MODEL_KEY") or "none"
        provider = OpenAIProvider(base_url=url, api_key=key)
        model = OpenAIChatModel(os.environ.get("MODEL_NAME", "stub"), provider=provider)
        draft = await write(wish, [model])
    return Proposal(plan_of(wish.goal, draft.body, wish, draft.provenance))
