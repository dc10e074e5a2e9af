"""The `process` kind against real processes: what they get, what bounds them, how they end."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from activities.tools.process import ProcessTool
from activities.tools.registry import Tools
from remit.canonical import JSON
from remit.stores.project import Project, load_project
from remit.tool.call import Happened, Refused, ToolAnswer, ToolCall, Unknown
from tests.activities.living import gone, is_alive
from tests.activities.mcp_calls import ending
from tests.waiting import until

ROOT = Path(__file__).parents[2]
SECRET = "t0p-secret-token"
FUNCTIONS = Path(__file__).with_name("process_functions.py")


def make_project(folder: Path) -> Project:
    """Return a project with the functions in `folder`."""
    (folder / "tools").mkdir(parents=True)
    (folder / "tools" / "apart.py").write_text(FUNCTIONS.read_text())
    return load_project(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project of all tests that change nothing in it."""
    return make_project(tmp_path_factory.mktemp("apart"))


@pytest.fixture
async def tools(project: Project) -> AsyncIterator[Tools]:
    """The adapters."""
    made = Tools(project.functions, project.folder, {"TOKEN": SECRET, "OTHER": "not-named"})
    yield made
    await made.aclose()


async def ask(
    tools: Tools,
    project: Project,
    function: str,
    *,
    within_s: float = 100,
    told: list[JSON] | None = None,
    resume: JSON = None,
    **arguments: JSON,
) -> ToolAnswer:
    """Call `function` once."""
    contract = project.catalogue.find(f"apart.{function}@1")
    assert contract is not None
    deadline = asyncio.get_running_loop().time() + within_s
    checkpoint = ([] if told is None else told).append
    call = ToolCall(
        contract, arguments, "run-1:a:do", deadline, checkpoint=checkpoint, resume=resume
    )
    return await tools.adapter(contract)(call)


def left(folder: Path, pattern: str) -> list[str]:
    """Return what is in the files that functions left, or in folders: nothing."""
    found = sorted(folder.glob(pattern))
    return [file.read_text() if file.is_file() else "" for file in found]


async def appears(folder: Path, name: str) -> str:
    """Wait for a file that a function leaves, and return what is in it."""
    found = await asyncio.to_thread(until, lambda: left(folder, name), 60)
    return found[0]


async def late(
    tools: Tools, project: Project, function: str, folder: Path, sign: str, **arguments: JSON
) -> ToolAnswer:
    """Call until the function began before its deadline was over; return its answer."""
    for within_s in (2, 8, 30):
        given = await ask(
            tools, project, function, within_s=within_s, folder=str(folder), **arguments
        )
        if left(folder, sign):
            return given
        assert ending(given) in ("Refused TOOL-DEADLINE again", "Unknown TOOL-TIMEOUT")
    raise AssertionError("it never began")


async def test_a_function_gets_its_own_and_nothing_else(tools: Tools, project: Project) -> None:
    """Arguments, step key, what the contract names, an empty folder; nothing of the worker's."""
    inherited = os.open(os.devnull, os.O_WRONLY)
    os.set_inheritable(inherited, True)
    given = await ask(tools, project, "look", thing={"name": "x"})
    os.close(inherited)

    assert isinstance(given, Happened)
    seen = given.output
    assert isinstance(seen, dict)
    assert (seen["name"], seen["key"]) == ("x", "run-1:a:do")
    environment = seen["environment"]
    assert isinstance(environment, dict)
    folder = environment.pop("HOME")
    assert seen["folder"] == folder == environment.pop("TMPDIR")
    assert environment == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TOKEN": "[secret]",
    }
    assert (seen["files"], seen["input"], seen["leads"]) == ([], "", True)
    descriptors = seen["descriptors"]
    assert isinstance(descriptors, list)
    pipes = [each for each in descriptors if str(each).startswith("pipe:")]
    assert (len(pipes), [each for each in descriptors if each not in pipes]) == (4, [os.devnull])


async def test_an_async_function_answers(tools: Tools, project: Project) -> None:
    """It runs on an event loop of its own."""
    given = await ask(tools, project, "look_on_loop", thing={"name": "x"})

    assert given == Happened({"name": "x", "key": "run-1:a:do"})


async def test_nothing_of_the_folder_stays(tools: Tools, project: Project, tmp_path: Path) -> None:
    """What a function leaves in its working directory is gone with it; links are not followed."""
    assert await ask(tools, project, "scribble", folder=str(tmp_path)) == Happened(None)
    await tools.aclose()

    (where,) = left(tmp_path, "where")
    assert Path(where).name.startswith("remit-")
    assert left(Path("/"), where[1:]) == []
    assert left(Path("/"), "tmp") == [""]


OPEN = "; it may have happened"
ENDS = {
    "refuse": ("Refused SHOP-CLOSED again", ": come back later"),
    "fail": ("Unknown TOOL-RAISED", f" raised ValueError (apart.py, line N){OPEN}"),
    "leave": ("Unknown TOOL-RAISED", f" raised SystemExit (apart.py, line N){OPEN}"),
    "lie": ("Broken TOOL-ANSWER", ""),
    "half": ("Broken TOOL-ANSWER", ""),
    "huge": ("Broken TOOL-ANSWER-TOO-LARGE", " returned 2002 bytes, more than 1000"),
    "vanish": (
        "Unknown TOOL-PROCESS",
        f": its process ended without an answer (exit status 3){OPEN}",
    ),
    "shot": ("Unknown TOOL-PROCESS", f": its process ended without an answer (SIGKILL){OPEN}"),
    "hoard": ("Unknown TOOL-RAISED", f" raised MemoryError (apart.py, line N){OPEN}"),
    "hoard_together": (
        "Unknown TOOL-BOUND",
        f" took more than 256 MiB of memory, and was killed{OPEN}",
    ),
    "spin": (
        "Unknown TOOL-BOUND",
        f" took more than 1 s of processor time, and was killed{OPEN}",
    ),
    "spin_together": (
        "Unknown TOOL-BOUND",
        f" took more than 1 s of processor time, and was killed{OPEN}",
    ),
    "fill": ("Unknown TOOL-RAISED", f" raised OSError (apart.py, line N){OPEN}"),
    "clutch": ("Unknown TOOL-RAISED", f" raised OSError (apart.py, line N){OPEN}"),
    "chatter": ("Happened", ""),
    "stay": ("Happened", ""),
}


@pytest.mark.parametrize("function", ENDS)
async def test_what_an_ending_means(tools: Tools, project: Project, function: str) -> None:
    """Every way to end has a code; what had begun is unknown, never refused or failed.

    The bound, the status or the line is said of it, a refusal's own words, and no others.
    """
    expected, said = ENDS[function]

    given = await ask(tools, project, function)

    assert ending(given) == expected
    message = re.sub(r"line \d+", "line N", str(getattr(given, "message", "")))
    assert message.startswith(f"apart.{function}@1{said}" if said else "")
    assert getattr(given, "already", False) is (function == "refuse")


async def test_a_fork_bomb_is_gone(tools: Tools, project: Project, tmp_path: Path) -> None:
    """More processes than may be are all killed, those too that left their group."""
    given = await ask(tools, project, "multiply", folder=str(tmp_path))
    assert ending(given) == "Unknown TOOL-BOUND"
    await tools.aclose()

    pids = [int(text) for text in left(tmp_path, "[0-9]*")]
    assert len(pids) > 1
    for pid in pids:
        await gone(pid)


async def test_a_fork_does_not_answer(tools: Tools, project: Project) -> None:
    """Only the process that was asked speaks for the call."""
    assert await ask(tools, project, "split") == Happened("parent")


async def test_what_a_function_leaves_running_is_gone(
    tools: Tools, project: Project, tmp_path: Path
) -> None:
    """With its answer a call is over: children, their groups and orphans are killed."""
    given = await ask(tools, project, "desert", folder=str(tmp_path), has_answer=True)
    assert given == Happened("left")

    for pid in (await appears(tmp_path, "pids")).split():
        await gone(int(pid))


async def test_at_the_deadline_nothing_of_it_is_left(
    tools: Tools, project: Project, tmp_path: Path
) -> None:
    """A function that will not leave is killed by the deadline, with all that it started."""
    given = await late(tools, project, "desert", tmp_path, "pids", has_answer=False, must_kill=True)

    assert ending(given) == "Unknown TOOL-TIMEOUT"
    for pid in left(tmp_path, "pids")[0].split():
        await gone(int(pid))


async def test_a_function_is_told_before_the_deadline(
    tools: Tools, project: Project, tmp_path: Path
) -> None:
    """There is a moment to clean up, or even to answer."""
    given = await late(tools, project, "late", tmp_path, "told")

    assert given == Happened("in time")


async def test_what_is_not_ready_in_time_was_not_called(tools: Tools, project: Project) -> None:
    """Until the call is handed over nothing can have happened, and it may be tried again."""
    for within_s in (-1, 0.01):
        given = await ask(tools, project, "vanish", within_s=within_s)
        assert ending(given) == "Refused TOOL-DEADLINE again"


@pytest.mark.parametrize("function", ["linger", "linger_on_loop"])
async def test_cancellation_reaches_the_function(
    tools: Tools, project: Project, tmp_path: Path, function: str
) -> None:
    """A call that is given up ends its process, which may clean up first."""
    work = asyncio.create_task(ask(tools, project, function, folder=str(tmp_path)))
    pid = int(await appears(tmp_path, "begun"))

    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    await tools.aclose()
    assert not is_alive(pid)
    assert left(tmp_path, "cleaned")


WORKER = """
import asyncio, pathlib, sys
from activities.tools.registry import Tools
from remit.stores.project import load_project
from tests.activities.test_process_tool import ask
async def main(project, folder):
    tools = Tools({}, project.folder)
    await ask(tools, project, "desert", folder=folder, has_answer=False, must_kill=True)
asyncio.run(main(load_project(pathlib.Path(sys.argv[1])), sys.argv[2]))
"""


async def test_no_process_outlives_its_worker(project: Project, tmp_path: Path) -> None:
    """Killed in the middle of a call, a worker takes along everything that it started."""
    worker = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", WORKER, str(project.folder), str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
    )
    pids = [int(each) for each in (await appears(tmp_path, "pids")).split()]
    assert all(is_alive(pid) for pid in pids)

    worker.send_signal(signal.SIGKILL)

    for pid in pids:
        await gone(pid)
    worker.wait()
    # Its guardian removes what it had of folders.
    await asyncio.to_thread(until, lambda: not left(tmp_path, "remit-*"))


async def test_a_pipe_that_was_found_says_nothing_new(tools: Tools, project: Project) -> None:
    """Lines that are none are passed over, also in front of the answer; too long a one ends it."""
    lines = '\n{"ready": null}\nnull\n{"a": 1, "b": 2}\n[\nxyz'
    assert await ask(tools, project, "forge", text=lines) == Happened("said")

    given = await ask(tools, project, "forge", text="x" * 65536, times=40)
    assert ending(given) == "Unknown TOOL-ANSWER-TOO-LARGE"


async def test_checkpoints_travel_both_ways(tools: Tools, project: Project) -> None:
    """Each is told in order; a call with one begins there."""
    told: list[JSON] = []

    assert await ask(tools, project, "count", told=told, until=3) == Happened([0, 1, 2])
    assert await ask(tools, project, "count", told=told, resume=2, until=3) == Happened([2])
    assert told == [1, 2, 3, 3]


async def test_secrets_are_of_one_call_and_masked(tools: Tools, project: Project) -> None:
    """In the answer and in what is logged of what was printed; without one nothing is called."""
    with capture_logs() as logs:
        assert await ask(tools, project, "confess") == Happened("[secret]")
        await tools.aclose()
    (line,) = [each for each in logs if each["event"] == "tool.printed"]
    assert line["text"] == "first line\nthe token is [secret]\n"

    bare = Tools(project.functions, project.folder, {})
    given = await ask(bare, project, "confess")
    assert ending(given) == "Refused TOOL-SECRET"


async def test_arguments_that_do_not_fit_are_not_tried(tools: Tools, project: Project) -> None:
    """What the types refuse was not called."""
    given = await ask(tools, project, "count", until="hunter2")

    assert isinstance(given, Refused)
    assert (given.code, given.again) == ("TOOL-REQUEST", False)
    assert "hunter2" not in given.message


async def test_a_function_that_is_not_there_any_more(tmp_path: Path) -> None:
    """The file is read for each call: what is missing or broken in it is refused."""
    project = make_project(tmp_path / "p")
    tools = Tools(project.functions, project.folder, {})
    file = project.folder / "tools" / "apart.py"
    found = []
    texts = ("raise ValueError('hunter2')", "held = bytearray(2**31)", "def refuse(x): ...")
    for text in (*texts, "import os; os._exit(4)", ""):
        file.write_text(text)
        given = await ask(tools, project, "refuse")
        assert isinstance(given, Refused)
        assert "nothing was called" in given.message
        assert "hunter2" not in given.message
        found.append(ending(given))
    await tools.aclose()

    assert found == [
        *("Refused TOOL-MODULE", "Refused TOOL-MODULE", "Refused TOOL-HINTS"),
        *("Refused TOOL-PROCESS again", "Refused TOOL-FUNCTION"),
    ]


async def test_places_are_bounded_and_come_back(
    tools: Tools, project: Project, tmp_path: Path
) -> None:
    """With every place taken a call is refused uncalled; one that is given up frees its place."""
    adapter = ProcessTool(tools._by_kind["process"]._outside, most=1)  # type: ignore[attr-defined]
    tools._by_kind["process"] = adapter
    work = asyncio.create_task(ask(tools, project, "linger", folder=str(tmp_path)))
    await appears(tmp_path, "begun")

    assert ending(await ask(tools, project, "fail", within_s=0.05)) == "Refused TOOL-BUSY again"
    work.cancel()
    assert ending(await ask(tools, project, "fail")) == "Unknown TOOL-RAISED"
    assert isinstance((await asyncio.gather(work, return_exceptions=True))[0], BaseException)


async def test_a_process_that_cannot_be_made(
    tools: Tools, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused, and may be tried again."""
    monkeypatch.setattr("activities.tools.guarded.sys.executable", "/nowhere/python")

    given = await ask(tools, project, "fail")

    assert ending(given) == "Refused TOOL-PROCESS again"
    assert isinstance(given, Refused)
    assert "No such file or directory" in given.message


async def test_a_guardian_that_is_killed_takes_the_function_along(
    tools: Tools, project: Project, tmp_path: Path
) -> None:
    """Without its guardian a call is unknown, and over."""
    work = asyncio.create_task(ask(tools, project, "linger", folder=str(tmp_path)))
    pid = int(await appears(tmp_path, "begun"))
    (told,) = left(Path("/proc"), f"{pid}/stat")

    os.kill(int(told.rpartition(")")[2].split()[1]), signal.SIGKILL)

    given = await work
    assert isinstance(given, Unknown)
    assert given.code == "TOOL-PROCESS"
    await gone(pid)
