"""What a worker and a function's process say to each other, and what that means for the call.

`activities.tools.process_child` says lines of JSON with one member each; the guardian says the last
one. Lines that are nothing of the kind are passed over: the function may have found the pipe. What
it says there is its own word, as an answer is, and no more is made of it.
"""

import asyncio
import json
import signal
from collections.abc import Mapping
from contextlib import suppress

import structlog

from activities.tools.guarded import GuardedProcess
from remit.canonical import JSON, NotCanonicalError, canonical
from remit.secrets.secrets import Secrets
from remit.tool.call import Broken, Happened, Refused, ToolAnswer, ToolCall, Unknown, withheld
from remit.tool.process import ProcessKind
from remit.tool.progress import MAX_BYTES as MOST_TOLD

_OVER_BOUND = {
    "cpu": "more than {0.cpu_s} s of processor time",
    "memory": "more than {0.memory_mib} MiB of memory",
    "processes": "more than {0.processes} processes",
}
_log = structlog.get_logger("remit.tools")
_OPEN = "it may have happened"
_NOTHING = "nothing was called"


class Talk:
    """One conversation with one process."""

    def __init__(self, call: ToolCall, kind: ProcessKind, secrets: Secrets) -> None:
        """Prepare; nothing is said."""
        self.kind = kind
        self.is_over = False
        """Whether the process ended the conversation itself."""
        self._call, self._ref, self._secrets = call, call.contract.ref, secrets
        self._was_asked = False

    async def held(self, process: GuardedProcess, environment: Mapping[str, str]) -> ToolAnswer:
        """Have the function called, and return what came of it."""
        try:
            async with asyncio.timeout_at(self._call.deadline):
                return await self._listen(process, environment)
        except TimeoutError:
            return self._late()

    def tell(self, printed: str) -> None:
        """Write the end of what was printed to the worker's log, if the contract says so."""
        if self.kind.printed == "logged" and printed:
            _log.info("tool.printed", tool=self._ref, text=self._shown(printed))

    async def _listen(self, process: GuardedProcess, environment: Mapping[str, str]) -> ToolAnswer:
        reader, writer = process.streams
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                message = f"{self._ref} said more than {self.kind.max_bytes} bytes at once; {_OPEN}"
                return Unknown("TOOL-ANSWER-TOO-LARGE", message)
            if not line:
                self.is_over = True
                return self._gone("lost", None)
            name, value = _read(line)
            if name == "ready" and not self._was_asked:
                self._was_asked = True
                writer.write(self._asked(environment))
                with suppress(ConnectionError):  # it is gone; the next line says why
                    await writer.drain()
            elif name == "checkpoint":
                self._checkpoint(value)
                await asyncio.sleep(0)  # whoever tells much is not to hold up others
            elif (answer := self._answer(name, value)) is not None:
                self.is_over = True
                return answer

    def _asked(self, environment: Mapping[str, str]) -> bytes:
        asked = {
            "arguments": self._call.arguments,
            "step_key": self._call.step_key,
            "resume": self._call.resume,
            "environment": dict(environment),
        }
        return json.dumps(asked).encode() + b"\n"

    def _checkpoint(self, value: JSON) -> None:
        with suppress(NotCanonicalError):
            masked = self._secrets.mask_json(value)
            if len(canonical(masked)) <= MOST_TOLD:
                self._call.checkpoint(masked)

    def _answer(self, name: str, value: JSON) -> ToolAnswer | None:
        """Return the answer that a line is; `None`: it is none."""
        match name, value:
            case "happened", output:
                return self._happened(output)
            case "refused", [str(code), str(said), bool(again), bool(already)]:
                message = f"{self._ref}: {self._shown(said)}"[:500]
                return Refused(code, message, again=again, already=already)
            case "raised", str(error):
                return Unknown("TOOL-RAISED", f"{self._ref} raised {error[:200]}; {_OPEN}")
            case "unwritable", str(why):
                said = (
                    f"{self._ref} returned what cannot be written as JSON: {self._shown(why)[:300]}"
                )
                return Broken("TOOL-ANSWER", said)
            case "too_large", int(size):
                most = self.kind.max_bytes
                said = f"{self._ref} returned {size} bytes, more than {most}"
                return Broken("TOOL-ANSWER-TOO-LARGE", said)
            case "request", str(why):
                return withheld("TOOL-REQUEST", f"{self._ref}: {self._shown(why)[:500]}")
            case "absent", [str(code), str(why)]:
                return withheld(code, f"{self._ref}: {self._shown(why)[:300]}; {_NOTHING}")
            case "gone", {"by": str(by), "status": status}:
                return self._gone(by, status)
        return None

    def _shown(self, said: str) -> str:
        return self._secrets.mask(said.encode("utf-8", "replace").decode())

    def _happened(self, output: JSON) -> ToolAnswer:
        try:
            canonical(output)
        except NotCanonicalError as error:
            said = f"{self._ref} returned what cannot be written as JSON: {error}"
            return Broken("TOOL-ANSWER", said)
        return Happened(self._secrets.mask_json(output))

    def _gone(self, by: str, status: JSON) -> ToolAnswer:
        """Say what it means that the process ended without an answer."""
        if by in ("wall", "stopped"):
            return self._late()
        if by in _OVER_BOUND:
            bound = _OVER_BOUND[by].format(self.kind)
            if not self._was_asked:
                message = f"{self._ref} took {bound} before it was called; {_NOTHING}"
                return withheld("TOOL-BOUND", message)
            return Unknown("TOOL-BOUND", f"{self._ref} took {bound}, and was killed; {_OPEN}")
        how = f"its process ended without an answer ({_status(status)})"
        if not self._was_asked:
            return withheld("TOOL-PROCESS", f"{self._ref}: {how}; {_NOTHING}", again=True)
        return Unknown("TOOL-PROCESS", f"{self._ref}: {how}; {_OPEN}")

    def _late(self) -> ToolAnswer:
        if not self._was_asked:
            message = f"{self._ref}: its process was not ready before the deadline; {_NOTHING}"
            return withheld("TOOL-DEADLINE", message, again=True)
        message = f"{self._ref} did not return before the deadline, and was killed; {_OPEN}"
        return Unknown("TOOL-TIMEOUT", message)


def _read(line: bytes) -> tuple[str, JSON]:
    """Return the one member of a line; nothing where it is none."""
    try:
        told: JSON = json.loads(line)
    except (ValueError, RecursionError):
        return "", None
    if isinstance(told, dict) and len(told) == 1:
        return next(iter(told.items()))
    return "", None


def _status(status: JSON) -> str:
    if not isinstance(status, int):
        return "and without its guardian"
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
