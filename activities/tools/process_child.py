"""What runs in the process of a tool of kind `process`: one function, once.

    python -I process_child.py LIBRARY PROJECT MODULE:FUNCTION MOST_BYTES

`LIBRARY` is the folder from which the worker imports Remit. Says `ready` when the function is
there, and is told arguments and environment only then: whoever is lost before was certainly not
called.
Answers by lines of JSON on a copy of standard output that nothing else has; what the function
prints goes to standard error. Never imported by a worker.
"""

import asyncio
import inspect
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

if TYPE_CHECKING:
    from remit.tool.binding import BoundFunction
    from remit.tool.progress import Progress


class Told:
    """The two pipes to the worker, out of the function's sight."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._answer = os.dup(1)
        self._saying = threading.Lock()
        self._asked: BinaryIO = os.fdopen(os.dup(0), "rb")
        os.dup2(2, 1)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def asked(self) -> dict[str, Any]:
        """Wait for the call, and return it."""
        line = self._asked.readline()
        if not line.endswith(b"\n"):
            os._exit(1)  # nobody asks any more
        call: dict[str, Any] = json.loads(line)
        return call

    def say(self, name: str, value: object = None) -> None:
        """Say one thing, unless this is a fork of the process: it does not speak for the call."""
        if os.getpid() != self._pid:
            return
        left = b"\n" + json.dumps({name: value}).encode() + b"\n"
        with self._saying:
            while left:
                left = left[os.write(self._answer, left) :]

    def end(self, name: str, value: object = None) -> NoReturn:
        """Say the last thing, and leave, whatever threads are left."""
        self.say(name, value)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def main(library: str, project: str, function: str, most: str) -> NoReturn:
    """Find the function, wait for the call, and answer it."""
    told = Told()
    if library not in sys.path:
        sys.path.insert(0, library)
    bound = _found(told, Path(project), function)
    told.say("ready")
    call = told.asked()
    os.environ.update(call["environment"])
    keywords, progress = _keywords(told, bound, call)
    try:
        value = _called(bound.function, keywords, progress)
    except BaseException as error:
        _raised(told, error, progress)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is done: what is left is to say so
    _answered(told, bound, value, int(most))


def _found(told: Told, project: Path, function: str) -> "BoundFunction":
    from remit.diagnostic import InvalidDocumentError
    from remit.stores.tool_functions import bound_function

    try:
        return bound_function(project / "tools", function)
    except LookupError as error:
        told.end("absent", ["TOOL-FUNCTION", str(error.args[0])])
    except InvalidDocumentError as error:
        told.end("absent", [error.diagnostics[0].code, error.diagnostics[0].message])
    except BaseException as error:
        told.end("absent", ["TOOL-MODULE", f"importing it raised {type(error).__name__}"])


def _keywords(
    told: Told, bound: "BoundFunction", call: Mapping[str, Any]
) -> "tuple[dict[str, object], Progress]":
    from remit.tool.binding import ArgumentsError
    from remit.tool.progress import Progress

    progress = Progress(call["resume"], lambda value: told.say("checkpoint", value))
    try:
        return bound.binding.keywords(call["arguments"], call["step_key"], progress), progress
    except ArgumentsError as error:
        told.end("request", str(error))


def _called(
    function: Callable[..., object], keywords: dict[str, object], progress: "Progress"
) -> object:
    from remit.tool.progress import CallEndedError

    if inspect.iscoroutinefunction(function):
        return asyncio.run(_on_loop(function(**keywords), progress))

    def over(*_: object) -> None:
        progress.end()
        raise CallEndedError("the call is over")

    signal.signal(signal.SIGTERM, over)
    return function(**keywords)


async def _on_loop(work: Coroutine[Any, Any, object], progress: "Progress") -> object:
    task = asyncio.ensure_future(work)

    def over() -> None:
        progress.end()
        task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over)
    return await task


def _raised(told: Told, error: BaseException, progress: "Progress") -> NoReturn:
    """Say how a function failed: its words only where it means them to be shown."""
    from remit.tool.python import ToolRefusedError, shown

    if progress.is_over:
        os._exit(1)  # its guardian tells why it had to leave
    if isinstance(error, ToolRefusedError):
        told.end("refused", [error.code, str(error)[:500], bool(error.again), bool(error.already)])
    told.end("raised", shown(error))


def _answered(told: Told, bound: "BoundFunction", value: object, most: int) -> NoReturn:
    from remit.canonical import NotCanonicalError, canonical
    from remit.tool.binding import AnswerError

    try:
        output = bound.binding.json(value)
        size = len(canonical(output))
    except (AnswerError, NotCanonicalError, UnicodeEncodeError) as error:
        told.end("unwritable", str(error)[:300])
    except (MemoryError, RecursionError) as error:
        told.end("unwritable", type(error).__name__)
    if size > most:
        told.end("too_large", size)
    told.end("happened", output)


if __name__ == "__main__":
    main(*sys.argv[1:])
