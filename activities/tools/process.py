"""Tools of kind `process`: a function of the project, called once in a process of its own.

A fresh interpreter for each call (nothing is forked out of a worker, which has threads), behind a
guardian (`activities.tools.guarded`) that holds it to its bounds and kills all of it when the call
or the worker is over. The function is found before it is told anything: until the call is handed on
a failure certainly had no effect; from then on only its own answer says what happened, and an end
without one is unknown.

It is told to leave (SIGTERM) a moment before the deadline, so that at the deadline nothing of it is
left that could still have an effect.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import remit.version
from activities.tools.adapter import Adapter
from activities.tools.guarded import GuardedProcess
from activities.tools.outside import Outside
from activities.tools.process_talk import Talk
from activities.tools.unsent import UNSENT, too_late, unsent
from remit.secrets.secrets import Secrets
from remit.tool.call import ToolAnswer, ToolCall, withheld
from remit.tool.process import ProcessKind

MAX_PROCESSES = 16
"""Most calls of such tools at once, in one worker."""
GRACE_S = 1.0
"""Longest time between SIGTERM and SIGKILL, in seconds; at most a quarter of what a call has."""
_AHEAD_S = 0.05
"""How long before the deadline SIGKILL comes, in seconds: killing takes a moment."""
_CHILD = Path(__file__).with_name("process_child.py")
_LIBRARY = Path(remit.version.__file__).parents[1]
_LINE_ABOVE = 64 * 1024
"""How much longer than an output a line may be."""
_MIB = 1024 * 1024
_PATH = "/usr/local/bin:/usr/bin:/bin"


class ProcessTool(Adapter):
    """Calls functions in processes of their own; one per worker."""

    def __init__(self, outside: Outside, most: int = MAX_PROCESSES) -> None:
        self._outside = outside
        self._places = asyncio.Semaphore(most)
        self._leaving: set[asyncio.Task[None]] = set()

    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Call the function that the contract names."""
        kind, ref = call.contract.call, call.contract.ref
        if not isinstance(kind, ProcessKind):
            raise TypeError(f"{ref} is not of kind process")
        if late := too_late(call):
            return late
        secrets = self._outside.secrets(call)
        try:
            await secrets.read(kind.environment.values(), call.deadline)
            own = {name: secrets.resolve(value) for name, value in kind.environment.items()}
        except UNSENT as error:
            return unsent(call, error)
        try:
            async with asyncio.timeout_at(call.deadline):
                await self._places.acquire()
        except TimeoutError:
            message = f"{ref}: no place for a process was free; nothing was called"
            return withheld("TOOL-BUSY", message, again=True)
        return await self._run(call, kind, own, secrets)

    async def aclose(self) -> None:
        """Wait until the processes of all calls are gone."""
        while self._leaving:
            await asyncio.wait({*self._leaving})

    async def _run(
        self, call: ToolCall, kind: ProcessKind, own: Mapping[str, str], secrets: Secrets
    ) -> ToolAnswer:
        talk = Talk(call, kind, secrets)
        scratch: Path | None = None
        process: GuardedProcess | None = None
        try:
            try:
                scratch = Path(tempfile.mkdtemp(prefix="remit-"))
                process = await self._start(call, kind, scratch)
            except OSError as error:
                message = f"{call.contract.ref}: no process can be made ({error.strerror})"
                return withheld("TOOL-PROCESS", f"{message}; nothing was called", again=True)
            return await talk.held(process, own)
        finally:
            leaving = asyncio.create_task(self._left(talk, process, scratch))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _start(self, call: ToolCall, kind: ProcessKind, scratch: Path) -> GuardedProcess:
        left = call.deadline - asyncio.get_running_loop().time()
        child = [sys.executable, "-I", "-X", "utf8", str(_CHILD), str(_LIBRARY)]
        return await GuardedProcess.start(
            [*child, str(self._outside.folder.absolute()), kind.function, str(kind.max_bytes)],
            {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": str(scratch), "TMPDIR": str(scratch)},
            scratch,
            line_bytes=kind.max_bytes + _LINE_ABOVE,
            bounds={
                "until_s": call.deadline - min(_AHEAD_S, left / 10),
                "grace_s": round(min(GRACE_S, left / 4), 3),
                "cpu_s": kind.cpu_s,
                "memory": kind.memory_mib * _MIB,
                "processes": kind.processes,
                "descriptors": kind.descriptors,
                "file": kind.file_mib * _MIB,
                "scratch": str(scratch),
            },
        )

    async def _left(self, talk: Talk, process: GuardedProcess | None, scratch: Path | None) -> None:
        """See to it that nothing is left of a call; its place is free only then."""
        try:
            if process is not None:
                if not talk.is_over:
                    process.end()
                await process.stop(2 * GRACE_S)
                talk.tell(process.last_words)
        finally:
            self._places.release()
            if scratch is not None:
                # Its guardian removed it, unless there was none, or somebody killed it.
                await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
