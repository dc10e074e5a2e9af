"""What the adapter of kind `mcp` adds to a call: `python -m benchmarks.mcp_calling`.

The same tool of the same kind of server, called by turns: by the SDK's own client, which waits for
the answer and throws it away; and through the adapter, which looks at secrets, pin and deadline,
sends the step key along, and makes an answer of it. Each has a server process of its own; no
governance. On a busy machine the processor time alone tells what the adapter costs: the rest is
spent waiting for a core.
"""

import asyncio
import sys
import time
from pathlib import Path

from mcp import Client, StdioServerParameters
from pydantic import BaseModel, ConfigDict

from activities.tools.mcp_listing import listing
from activities.tools.outside import Outside
from activities.tools.registry import Tools
from benchmarks.ratios import Ratio, Spread, ratio_of, spread_of
from remit.canonical import JSONObject
from remit.tool.call import Happened, ToolCall
from remit.tool.contract import ToolContract
from remit.tool.mcp import StdioServer
from remit.tool.mcp_import import Wanted, take

PAIRS = 500
TARGET_MS = 2.0
"""Most that the adapter may add, at the median."""
_WARM = 50
_ROOT = Path(__file__).parents[1]
_SERVER = [sys.executable, str(Path(__file__).with_name("mcp_server.py"))]


class McpCalls(BaseModel):
    """Milliseconds of calls."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bare: Spread
    adapter: Spread
    added: Spread
    """The differences of the pairs."""
    added_cpu: Spread
    """The same, of processor time of this process."""
    ratio: Ratio


async def mcp_calls(pairs: int = PAIRS) -> McpCalls:
    """Measure `pairs` of calls, by turns, the first now the one and now the other."""
    contract = await _contract()
    tools = Tools({}, _ROOT)
    text = "x" * 200
    arguments: JSONObject = {"text": text}

    async def adapter() -> None:
        deadline = asyncio.get_running_loop().time() + 30
        answer = await tools.adapter(contract)(
            ToolCall(contract, arguments, "run:step:do", deadline)
        )
        assert answer == Happened({"text": text})

    async with Client(StdioServerParameters(command=_SERVER[0], args=_SERVER[1:])) as client:

        async def bare() -> None:
            await client.call_tool("echo", {"text": text})

        took: dict[bool, list[float]] = {True: [], False: []}
        used: dict[bool, list[float]] = {True: [], False: []}
        for number in range(_WARM + pairs):
            for is_bare in (True, False) if number % 2 else (False, True):
                begun, before = time.perf_counter(), time.process_time()
                await (bare() if is_bare else adapter())
                took[is_bare].append((time.perf_counter() - begun) * 1000)
                used[is_bare].append((time.process_time() - before) * 1000)
    await tools.aclose()
    below, above = took[True][_WARM:], took[False][_WARM:]
    added = [a - b for a, b in zip(above, below, strict=True)]
    cpu = [a - b for a, b in zip(used[False][_WARM:], used[True][_WARM:], strict=True)]
    return McpCalls(
        bare=spread_of(below),
        adapter=spread_of(above),
        added=spread_of(added),
        added_cpu=spread_of(cpu),
        ratio=ratio_of(above, below),
    )


async def _contract() -> ToolContract:
    server = StdioServer(command=_SERVER)
    found = await listing(server, [], Outside({}, _ROOT))
    tools = found["tools"]
    assert isinstance(tools, list)
    listed = [tool for tool in tools if isinstance(tool, dict)]
    taken = take(listed, Wanted("bench", "team:bench", server.model_dump(mode="json")))
    (tool,), shared = taken.tools, taken.defaults
    assert isinstance(tool["call"], dict)
    assert isinstance(shared["call"], dict)
    call = {**shared["call"], **tool["call"]}
    return ToolContract.model_validate({**shared, **tool, "call": call})


def main() -> None:
    """Print what was measured."""
    found = asyncio.run(mcp_calls())
    for name in ("bare", "adapter", "added", "added_cpu"):
        spread: Spread = getattr(found, name)
        print(f"{name:9} p50 {spread.p50:6.2f}  p95 {spread.p95:6.2f}  p99 {spread.p99:6.2f} ms")
    verdict = "reached" if found.added.p50 <= TARGET_MS else "missed"
    print(f"ratio {found.ratio}; target: p50 of what is added <= {TARGET_MS} ms: {verdict}")


if __name__ == "__main__":
    main()
