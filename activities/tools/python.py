"""Tools of kind `python`: a function of the project, called once.

`async` functions run on the event loop. Others run each in a thread of its own, of which there
are a bounded number; a thread that outlives its deadline keeps its place until it ends, because a
thread cannot be stopped. The threads are daemons, so that one that hangs does not keep a worker
from leaving (the standard pool would join it).

What a function raises is shown by its type and line, never by its words: they may hold secrets.
Only `ToolRefusedError` promises that nothing happened, and its words are meant to be shown.
"""

import asyncio
import contextvars
import inspect
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial

from activities.tools.adapter import Adapter
from activities.tools.threads import Ended, InThread, Returned
from activities.tools.unsent import too_late, unsent
from remit.canonical import JSON, NotCanonicalError, canonical
from remit.tool.binding import AnswerError, ArgumentsError, Binding, BoundFunction
from remit.tool.call import Broken, Happened, Refused, ToolAnswer, ToolCall, Unknown, withheld
from remit.tool.kinds import PythonKind
from remit.tool.progress import Progress
from remit.tool.python import ToolRefusedError, shown

MAX_THREADS = 32
"""Most functions that run in threads at once, in one worker."""


class PythonTool(Adapter):
    """Calls functions; one per worker."""

    def __init__(
        self, functions: Mapping[str, BoundFunction], max_threads: int = MAX_THREADS
    ) -> None:
        self._functions = functions
        self._places = asyncio.Semaphore(max_threads)

    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Call the function that the contract names."""
        kind, ref = call.contract.call, call.contract.ref
        if not isinstance(kind, PythonKind):
            raise TypeError(f"{ref} is not of kind python")
        bound = self._functions.get(kind.function)
        if bound is None:
            return withheld("TOOL-FUNCTION", f"{ref}: there is no function {kind.function!r} here")
        if late := too_late(call):
            return late
        try:
            progress = _progress(call, bound)
            keywords = bound.binding.keywords(call.arguments, call.step_key, progress)
        except ArgumentsError as error:
            return unsent(call, error)
        try:
            ended = await self._run(call, bound.function, keywords)
        finally:
            # Whoever still runs, in a thread that nobody can stop, learns it at its checkpoint.
            progress.end()
        if isinstance(ended, Returned):
            return _happened(ref, bound.binding, ended.value)
        return _failed(ref, ended) if isinstance(ended, BaseException) else ended

    async def _run(
        self, call: ToolCall, function: Callable[..., object], keywords: dict[str, object]
    ) -> Ended[object] | Refused | Unknown:
        if inspect.iscoroutinefunction(function):
            return await _on_loop(call, function(**keywords))
        try:
            async with asyncio.timeout_at(call.deadline):
                await self._places.acquire()
        except TimeoutError:
            message = f"{call.contract.ref}: no thread was free; nothing was called"
            return withheld("TOOL-BUSY", message, again=True)
        work = partial(function, **keywords)
        thread = InThread(function.__name__, work, self._places.release)
        return await _within(call, thread.ended)


def _progress(call: ToolCall, bound: BoundFunction) -> Progress:
    """Return what the function tells by: in a thread, through the loop that the call is on."""
    if inspect.iscoroutinefunction(bound.function):
        return Progress(call.resume, call.checkpoint)
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()

    def tell(value: JSON) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(call.checkpoint, value, context=context)

    return Progress(call.resume, tell)


async def _on_loop(
    call: ToolCall, work: Coroutine[object, object, object]
) -> Ended[object] | Unknown:
    async def outcome() -> Ended[object]:
        try:
            return Returned(await work)
        except Exception as error:
            return error

    task = asyncio.ensure_future(outcome())
    try:
        return await _within(call, task)
    finally:
        task.cancel()


async def _within(call: ToolCall, ended: asyncio.Future[Ended[object]]) -> Ended[object] | Unknown:
    """Wait until the deadline, and not for a function that ignores being cancelled."""
    left = call.deadline - asyncio.get_running_loop().time()
    done, _ = await asyncio.wait({ended}, timeout=max(0.0, left))
    if done:
        # A function may cancel itself; that must not look like the end of our own task.
        return asyncio.CancelledError() if ended.cancelled() else ended.result()
    message = f"{call.contract.ref} did not return before the deadline; it may have happened"
    return Unknown("TOOL-TIMEOUT", message)


def _happened(ref: str, binding: Binding, value: object) -> ToolAnswer:
    try:
        output = binding.json(value)
        canonical(output)
    except (AnswerError, NotCanonicalError) as error:
        return Broken("TOOL-ANSWER", f"{ref} returned what cannot be written as JSON: {error}")
    return Happened(output)


def _failed(ref: str, error: BaseException) -> Refused | Unknown:
    if isinstance(error, ToolRefusedError):
        said = f"{ref}: {error}"[:500]
        return Refused(error.code, said, again=error.again, already=error.already)
    return Unknown("TOOL-RAISED", f"{ref} raised {shown(error)}; it may have happened")
