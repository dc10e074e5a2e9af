"""Functions that tests call in processes of their own; the file becomes `tools/apart.py`.

Paths of folders to write into come as arguments: nothing keeps such a function from writing there.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from remit.tool.python import CallEndedError, Progress, StepKeyText, ToolRefusedError, tool

Function = TypeVar("Function", bound=Callable[..., object])
MIB = 1024 * 1024
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def apart(**process: object) -> Callable[[Function], Function]:
    """Describe a function as a tool that has a process of its own."""
    return tool(
        domain="apart",
        operation="write",
        idempotency="none",
        owner="team:lab",
        version="1.0.0",
        irreversible=True,
        process=process,
    )


class Thing(BaseModel):
    """An argument that is more than plain JSON."""

    name: str


def note(folder: str, name: str, text: object = "") -> None:
    """Leave a file for the test, whole at once."""
    written = Path(folder) / f".{name}"
    written.write_text(str(text))
    written.rename(Path(folder) / name)


@apart(environment={"TOKEN": "env:TOKEN"})
def look(thing: Thing, step_key: StepKeyText) -> dict[str, object]:
    """Say what is seen."""
    shown = []
    for each in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the one by which they are listed
            shown.append(os.readlink(f"/proc/self/fd/{each}"))
    return {
        "name": thing.name,
        "key": step_key,
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "files": sorted(os.listdir()),
        "descriptors": shown,
        "input": sys.stdin.read(),
        "leads": os.getpgid(0) == os.getpid(),
    }


@apart()
async def look_on_loop(thing: Thing, step_key: StepKeyText) -> dict[str, object]:
    """Say what is seen, from an event loop."""
    await asyncio.sleep(0)
    return {"name": thing.name, "key": step_key}


@apart()
def scribble(folder: str) -> None:
    """Leave files and folders in the working directory, and tell where that was."""
    os.makedirs("a/b")
    Path("a/b/c").write_text("x")
    os.symlink("/", "a/root")
    note(folder, "where", Path.cwd())


@apart()
def refuse() -> None:
    """Refuse."""
    raise ToolRefusedError("SHOP-CLOSED", "come back later", again=True, already=True)


@apart()
def fail() -> None:
    """Fail with words that nobody should see."""
    raise ValueError("password=hunter2")


@apart()
def leave() -> None:
    """Leave as programs do."""
    sys.exit(0)


@apart()
def lie() -> int:
    """Return what was not promised."""
    found: list[int] = []
    return found  # type: ignore[return-value]


@apart()
def half() -> str:
    """Return half of a surrogate pair."""
    return "\ud800"


@apart(max_bytes=1000)
def huge() -> str:
    """Return more than may be."""
    return "x" * 2000


@apart()
def vanish() -> None:
    """Take effect, as it were, and end without an answer."""
    os._exit(3)


@apart()
def shot() -> None:
    """Be killed by somebody else."""
    os.kill(os.getpid(), signal.SIGKILL)


@apart(memory_mib=256)
def hoard() -> int:
    """Take more memory than there is for one process."""
    return len(bytearray(1024 * MIB))


@apart(memory_mib=256, processes=9)
def hoard_together() -> None:
    """Take more memory than there is, in pieces."""
    script = f"import time; held = bytearray(b'x') * {90 * MIB}; time.sleep(600)"
    for _ in range(5):
        subprocess.Popen([sys.executable, "-c", script])
    time.sleep(600)


@apart(cpu_s=1)
def spin() -> None:
    """Loop without end."""
    while True:
        pass


@apart(cpu_s=1, processes=9)
def spin_together() -> None:
    """Loop without end, three at once."""
    for _ in range(3):
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
    time.sleep(600)


@apart(processes=12)
def multiply(folder: str) -> None:
    """Fork and fork again, in groups of their own; not for ever, for the machine's sake."""
    while len(os.listdir(folder)) < 100:
        with suppress(BlockingIOError):  # the machine has no more
            if os.fork() == 0:
                os.setsid()
        note(folder, str(os.getpid()), os.getpid())
        time.sleep(0.1)
    time.sleep(600)


@apart(processes=2)
def split() -> str:
    """Fork, and return in both; the fork is faster."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return "parent" if child else "fork"


@apart(processes=12)
def desert(folder: str, has_answer: bool, must_kill: bool = False) -> str:
    """Leave children behind: one in the group, one that left it, one whose parent is dead."""
    if must_kill:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    left = [subprocess.Popen(SLEEPER), subprocess.Popen(SLEEPER, start_new_session=True)]
    inner = (
        "import subprocess; print(subprocess.Popen("
        f"{SLEEPER}, start_new_session=True, stdout=subprocess.DEVNULL).pid)"
    )
    orphan = subprocess.run([sys.executable, "-c", inner], stdout=subprocess.PIPE, check=True)
    pids = [os.getpid(), *(each.pid for each in left), int(orphan.stdout)]
    note(folder, "pids", " ".join(map(str, pids)))
    if not has_answer:
        time.sleep(600)
    return "left"


@apart(file_mib=1)
def fill() -> None:
    """Write more into one file than may be."""
    with open("large", "wb", buffering=0) as file:
        while file.write(b"x" * MIB):
            pass


@apart(descriptors=32)
def clutch() -> None:
    """Open more files than may be."""
    held = [open(os.devnull) for _ in range(64)]  # noqa: SIM115
    held[0].close()


@apart()
def forge(text: str, times: int = 1) -> str:
    """Write to every pipe that can be found."""
    for descriptor in range(3, 64):
        try:
            if os.readlink(f"/proc/self/fd/{descriptor}").startswith("pipe:"):
                for _ in range(times):
                    os.write(descriptor, text.encode())
        except OSError:
            continue
    return "said"


@apart()
def chatter() -> str:
    """Print more than anybody keeps, and read what nobody says."""
    for _ in range(4000):
        print("word " * 10)  # noqa: T201
    return sys.stdin.read()


@apart(printed="logged", environment={"TOKEN": "env:TOKEN"})
def confess() -> str:
    """Print a secret, and answer it."""
    print("first line")  # noqa: T201
    print("the token is", os.environ["TOKEN"], file=sys.stderr)  # noqa: T201
    return os.environ["TOKEN"]


@apart()
def linger(folder: str) -> None:
    """Clean up when it is told to leave."""
    note(folder, "begun", os.getpid())
    try:
        time.sleep(600)
    except CallEndedError:
        note(folder, "cleaned")


@apart()
async def linger_on_loop(folder: str) -> None:
    """Clean up when it is cancelled."""
    note(folder, "begun", os.getpid())
    try:
        await asyncio.sleep(600)
    finally:
        note(folder, "cleaned")


@apart()
def late(folder: str) -> str:
    """Answer only because it is told to leave."""
    try:
        time.sleep(600)
    except CallEndedError:
        note(folder, "told")
    return "in time"


@apart()
def stay() -> str:
    """Answer, with a thread that never ends."""
    threading.Thread(target=time.sleep, args=(600,)).start()
    return "done"


@apart()
def count(until: int, progress: Progress) -> list[int]:
    """Work through numbers, from where a lost attempt was."""
    first = progress.resume if isinstance(progress.resume, int) else 0
    for number in range(first, until):
        progress.checkpoint(number + 1)
    return list(range(first, until))
