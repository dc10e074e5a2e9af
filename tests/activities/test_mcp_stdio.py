"""The `mcp` kind over stdio against real processes: what they get, and what each ending means."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from activities.tools.guarded import GuardedProcess
from activities.tools.registry import Tools
from remit.enforcement.bounds import health_of
from remit.tool.call import Absent, Broken, Happened, Refused, Unknown
from tests.activities.living import gone, is_alive
from tests.activities.mcp_calls import ending, mcp_contract, say

ROOT = Path(__file__).parents[2]


async def test_a_server_gets_its_own_and_nothing_else(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments and step key arrive; of the worker's environment and descriptors nothing does."""
    monkeypatch.setenv("REMIT_CONTENT_KEYS", "the-worker's-own")
    inherited = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    contract = mcp_contract("echo", call={"key_argument": "ref"})

    given = await say(tools, contract)

    os.close(inherited)
    assert isinstance(given, Happened)
    told = given.output
    assert isinstance(told, dict)
    assert told["arguments"] == {"text": "hello", "ref": "run-1:order:do"}
    assert told["key"] == "run-1:order:do"
    assert told["environment"] == {"TOKEN": "[secret]"} | _locale(told["environment"])
    shown = told["descriptors"]
    assert isinstance(shown, list)
    assert len([each for each in shown if "fd" not in str(each)]) == 3
    assert os.devnull not in shown


def _locale(environment: object) -> dict[str, object]:
    """Return what Python itself adds to an environment in the C locale."""
    assert isinstance(environment, dict)
    return {name: value for name, value in environment.items() if name.startswith("LC_")}


@pytest.mark.parametrize(
    ("tool", "call", "expected"),
    [
        ("garbage", {}, "Unknown TOOL-PROTOCOL"),
        ("image", {}, "Broken TOOL-CONTENT"),
        ("image", {"answer": "text"}, "Broken TOOL-CONTENT"),
        ("json", {"answer": "json"}, "Happened"),
        ("odd", {"answer": "json"}, "Broken TOOL-BAD-JSON"),
        ("big", {}, "Broken TOOL-ANSWER-TOO-LARGE"),
        ("huge", {}, "Unknown TOOL-ANSWER-TOO-LARGE"),
        ("dies", {}, "Unknown TOOL-CONNECTION"),
        ("floods", {}, "Unknown TOOL-FLOOD"),
        ("error", {}, "Unknown TOOL-ERROR"),
        ("error", {"errors": "refused"}, "Refused TOOL-REFUSED"),
        ("asks", {}, "Unknown TOOL-ASKED"),
        ("asks", {"errors": "refused"}, "Refused TOOL-ASKED"),
        ("refuses", {}, "Refused TOOL-REFUSED"),
        ("logs", {}, "Happened"),
        ("absent", {}, "Refused TOOL-LISTING-CHANGED"),
    ],
)
async def test_what_an_ending_means(
    tools: Tools, tool: str, call: dict[str, object], expected: str
) -> None:
    """Every way to behave badly has an end with a code, and the next call is served."""
    given = await say(tools, mcp_contract(tool, call=call))
    assert ending(given) == expected
    # The protocol's own no came before the tool, the tool's own did not.
    assert getattr(given, "is_unheard", False) is (tool == "refuses")
    assert ending(await say(tools, mcp_contract("echo"))) == "Happened"


async def test_words_of_an_error_are_bounded_and_masked(tools: Tools) -> None:
    """The tool's own words are shown without control characters and without secrets."""
    given = await say(tools, mcp_contract("error", call={"errors": "refused"}))

    assert isinstance(given, Refused)
    assert given.message == "liar.error@1 answered an error (no such order [secret] [2J)"


LONG = "s3cr3t-" + "x" * 121


@pytest.mark.parametrize(
    ("tool", "more", "call"),
    [
        ("repeats", (), {}),
        ("doubles", (), {"answer": "json"}),
        ("echo", ("--babbling",), {}),
        ("echo", ("--greets",), {}),
    ],
)
async def test_words_are_masked_before_they_are_cut(
    tools: Tools,
    environ: dict[str, str],
    tool: str,
    more: tuple[str, ...],
    call: dict[str, object],
) -> None:
    """However often a secret is repeated, in an answer or in last words: no part of it is shown."""
    environ["TOKEN"] = LONG

    given = await say(tools, mcp_contract(tool, *more, call=call))

    assert isinstance(given, Refused | Unknown | Broken)
    assert "[secret]" in given.message
    assert "xxxx" not in given.message


async def test_a_read_that_errs_is_refused(tools: Tools) -> None:
    """A tool without effect certainly had none, whatever its contract says of errors."""
    contract = mcp_contract("error", operation="read", irreversible=False)

    assert ending(await say(tools, contract)) == "Refused TOOL-REFUSED"


async def test_links_come_by_reference(tools: Tools) -> None:
    """A link beside text is a reference in the output; nothing is fetched."""
    given = await say(tools, mcp_contract("links", call={"answer": "text"}))

    assert given == Happened({"text": "see", "links": [{"uri": "file:///a", "name": "a"}]})


async def test_a_probe_may_find_nothing(tools: Tools) -> None:
    """Nothing at `absent` says that it did not happen, in a probe alone."""
    there = mcp_contract("late", call={"absent": "/late"})
    nothing = mcp_contract("late", call={"absent": "/other"})

    assert await say(tools, there, purpose="probe") == Happened({"late": True})
    assert await say(tools, nothing, purpose="probe") == Absent()
    assert await say(tools, nothing) == Happened({"late": True})


async def test_a_server_that_hangs_is_replaced(tools: Tools) -> None:
    """A call ends at its deadline as unknown; the next one gets a fresh server."""
    assert ending(await say(tools, mcp_contract("echo"))) == "Happened"

    assert ending(await say(tools, mcp_contract("hangs"), within_s=2)) == "Unknown TOOL-TIMEOUT"
    assert ending(await say(tools, mcp_contract("echo"))) == "Happened"


async def test_changed_listings_are_refused(tools: Tools) -> None:
    """As soon as a server says that its tools changed, none is called that is pinned otherwise."""
    assert ending(await say(tools, mcp_contract("changes"))) == "Happened"

    given = await say(tools, mcp_contract("echo"))

    assert (ending(given), health_of(given)) == ("Refused TOOL-LISTING-CHANGED", "")
    assert isinstance(given, Refused)
    assert "everything you know" not in given.message


async def test_changes_in_silence_are_found(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing that is old is taken again, though the server says nothing."""
    assert ending(await say(tools, mcp_contract("silently"))) == "Happened"
    assert ending(await say(tools, mcp_contract("echo"))) == "Happened"

    monkeypatch.setattr("activities.tools.mcp_session.LISTING_S", 0.0)

    assert ending(await say(tools, mcp_contract("echo"))) == "Refused TOOL-LISTING-CHANGED"


async def test_a_server_that_does_not_start(tools: Tools) -> None:
    """It is refused as not reached, with its last words, masked, and not started again at once."""
    given = await say(tools, mcp_contract("echo", "--broken"))
    again = await say(tools, mcp_contract("echo", "--broken"))

    assert ending(given) == ending(again) == "Refused TOOL-UNREACHABLE again"
    assert (health_of(given), health_of(again)) == ("sick", "")
    assert isinstance(given, Refused)
    assert given.message.endswith("cannot find [secret]; nothing was called")


async def test_no_such_program(tools: Tools) -> None:
    """A command that is not there is named."""
    server = {"transport": "stdio", "command": ["no-such-program"]}
    given = await say(tools, mcp_contract("echo", call={"server": server}))

    assert ending(given) == "Refused TOOL-UNREACHABLE again"
    assert isinstance(given, Refused)
    assert "no-such-program: No such file or directory" in given.message


async def test_a_server_that_does_not_greet(tools: Tools) -> None:
    """At the deadline it is certain that nothing was called."""
    given = await say(tools, mcp_contract("echo", "--mute"), within_s=0.5)

    assert ending(given) == "Refused TOOL-UNREACHABLE again"


async def test_a_missing_secret(tools: Tools) -> None:
    """Without its secret a server is not started."""
    server = {"transport": "stdio", "command": ["true"], "environment": {"A": "env:ABSENT"}}

    assert ending(await say(tools, mcp_contract("echo", call={"server": server}))) == (
        "Refused TOOL-SECRET"
    )


async def test_a_rotated_secret_gets_a_server_of_its_own(
    tools: Tools, environ: dict[str, str]
) -> None:
    """Secrets are read for every call; a server keeps the one it was started with."""
    first = await say(tools, mcp_contract("echo"))
    environ["TOKEN"] = "another-secret"
    second = await say(tools, mcp_contract("echo"))

    assert isinstance(first, Happened)
    assert isinstance(second, Happened)
    assert first.output["pid"] != second.output["pid"]  # type: ignore[index, call-overload]


async def test_cancelled_calls_leave_the_server_to_others(tools: Tools) -> None:
    """A cancelled call raises, and another one on the same server is answered."""
    late = asyncio.create_task(say(tools, mcp_contract("late")))
    other = asyncio.create_task(say(tools, mcp_contract("echo")))
    await asyncio.sleep(0)
    late.cancel()

    with pytest.raises(asyncio.CancelledError):
        await late
    assert ending(await other) == "Happened"


async def test_calls_share_a_server(tools: Tools) -> None:
    """Calls at the same time use one process."""
    given = await asyncio.gather(*(say(tools, mcp_contract("echo")) for _ in range(5)))

    assert len({each.output["pid"] for each in given}) == 1  # type: ignore[union-attr, index, call-overload]


async def test_no_process_outlives_the_adapters(tools: Tools) -> None:
    """Closed adapters leave neither a server nor what it started."""
    given = await say(tools, mcp_contract("forks"))
    assert isinstance(given, Happened)
    assert isinstance(given.output, dict)

    await tools.aclose()

    for name in ("pid", "child"):
        await gone(int(str(given.output[name])))


async def test_a_stop_that_is_given_up_leaves_no_pipe(tmp_path: Path) -> None:
    """Cancelled while the server takes its time, it closes all the same what it had opened."""
    before = set(os.listdir("/proc/self/fd"))
    path = {"PATH": os.environ["PATH"]}
    server = await GuardedProcess.start(["sleep", "600"], path, tmp_path, line_bytes=4096)
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    await asyncio.sleep(0)

    assert set(os.listdir("/proc/self/fd")) <= before
    await gone(server.pid)


WORKER = """
import asyncio, pathlib, sys
from activities.tools.registry import Tools
from tests.activities.mcp_calls import mcp_contract, say
async def main():
    tools = Tools({}, pathlib.Path("."), {"TOKEN": "secret"})
    given = await say(tools, mcp_contract("forks"))
    print(given.output["pid"], given.output["child"], flush=True)
    await say(tools, mcp_contract("hangs"), within_s=60)
asyncio.run(main())
"""


async def test_no_process_outlives_its_worker() -> None:
    """Killed in the middle of a call, a worker takes the server and what it started along."""
    worker = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", WORKER],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    pids = [int(each) for each in worker.stdout.readline().split()]
    assert all(is_alive(pid) for pid in pids)

    worker.send_signal(signal.SIGKILL)

    for pid in pids:
        await gone(pid)
    worker.wait()
    worker.stdout.close()


async def test_without_the_extra_a_call_says_what_to_install(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client library is absent: refused, with the way out."""
    for name in [each for each in sys.modules if each.startswith("activities.tools.mcp_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp", None)

    given = await say(tools, mcp_contract("echo"))

    assert isinstance(given, Refused)
    assert (given.code, "pip install 'remit[mcp]'" in given.message) == ("TOOL-EXTRA", True)
    assert health_of(given) == ""


def test_adapters_wait_for_the_client_library_until_a_tool_needs_it() -> None:
    """A worker whose project has no such tool never loads it."""
    script = (
        "import sys; from activities.tools.registry import Tools; from pathlib import Path;"
        " Tools({}, Path('.')); print(sorted({'mcp', 'mcp_types'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )

    assert ran.stdout.strip() == "[]"
