"""What a process for each call costs: `python -m benchmarks.process_calling`.

The same function called by turns: in a bare Python that is started for it, imports its module and
prints the answer; and through the adapter of kind `process`, with guardian, bounds and a folder of
its own. No governance. Nearly all of either is the start of an interpreter that imports Remit.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from activities.tools.registry import Tools
from benchmarks.ratios import Spread, spread_of
from remit.stores.project import load_project
from remit.tool.call import Happened, ToolCall

PAIRS = 40
_WARM = 3
_ROOT = Path(__file__).parents[1]
_MODULE = '''
from remit.tool.python import tool

@tool(domain="bench", operation="read", idempotency="natural", owner="team:bench",
      version="1.0.0", process={})
def echo(text: str) -> str:
    """Say it again."""
    return text
'''
_BARE = (
    f"import sys; sys.path[:0] = [{str(_ROOT)!r}, '.'];"
    " from tools.echo import echo; print(echo('x'))"
)


async def process_calls(pairs: int = PAIRS) -> dict[str, Spread]:
    """Return milliseconds of bare calls, of calls through the adapter, and of the differences.

    With processor time, of all processes of a call, the guardian among them.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tools").mkdir()
        (Path(folder) / "tools" / "echo.py").write_text(_MODULE)
        project = load_project(Path(folder))
        (contract,) = project.catalogue
        tools = Tools(project.functions, project.folder, {})

        async def adapter() -> None:
            deadline = asyncio.get_running_loop().time() + 60
            answer = await tools.adapter(contract)(
                ToolCall(contract, {"text": "x"}, "run:step:do", deadline)
            )
            assert answer == Happened("x")

        async def bare() -> None:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-c", _BARE), stdout=asyncio.subprocess.PIPE, cwd=folder
            )
            assert (await process.communicate())[0] == b"x\n"

        took: dict[bool, list[float]] = {True: [], False: []}
        used: dict[bool, list[float]] = {True: [], False: []}
        for number in range(_WARM + pairs):
            for is_bare in (True, False) if number % 2 else (False, True):
                begun, before = time.perf_counter(), _used()
                await (bare() if is_bare else adapter())
                took[is_bare].append((time.perf_counter() - begun) * 1000)
                await tools.aclose()  # until all of it is gone, and counted
                used[is_bare].append((_used() - before) * 1000)
    found = {"bare": took[True], "adapter": took[False]}
    found["added"] = [a - b for a, b in zip(took[False], took[True], strict=True)]
    found |= {"bare cpu": used[True], "adapter cpu": used[False]}
    return {name: spread_of(all_of[_WARM:]) for name, all_of in found.items()}


def _used() -> float:
    """Return the seconds of processor time of this process and of all that it buried."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Print what was measured."""
    for name, spread in asyncio.run(process_calls()).items():
        print(f"{name:11} p50 {spread.p50:6.0f}  p95 {spread.p95:6.0f}  p99 {spread.p99:6.0f} ms")


if __name__ == "__main__":
    main()
