"""Presidio beside the default detector: texts are read by a process of its own, in a stated time.

Its patterns are slow in long texts and hold the interpreter while they run, so they never run here.
What could not be read in time, or at all, is left out of the answer, and so counts as not looked
through. One process for a worker, one question at a time, a bounded number of them waiting.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
import tomllib
from asyncio.subprocess import Process
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import structlog
from pydantic import Field, TypeAdapter, ValidationError

from remit.data.findings import Match, Read
from remit.decision.decision import DetectedClass
from remit.enforcement.bounds import FILE
from remit.enforcement.telemetry import DATA_READS
from remit.tool.model import Model, shape_fault

_CHILD = Path(__file__).with_name("presidio_child.py")
_LOAD_S = 60.0
"""How long the process may take to load its packages and model, in seconds."""
_PAUSE_S = 5.0
"""After a failure nothing is read for so long: a process that does not start costs seconds."""
_MOST_WAITING = 64
_LINE_BYTES = 32 * 1024 * 1024
_log = structlog.get_logger("remit.enforcement")


_Told = tuple[int, int, DetectedClass, int]
_ANSWER: TypeAdapter[list[list[_Told]] | None] = TypeAdapter(list[list[_Told]] | None)


class DataError(Exception):
    """`[data]` cannot be used; the message says where and why."""


class DataTable(Model):
    """The table `[data]` of `remit.toml`."""

    detector: Literal["default", "presidio"] = "default"
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    """Of the texts: which words near a number speak for it, and whose model finds names."""
    model: Annotated[str, Field(max_length=300)] = ""
    """A model of spaCy that is installed, or its folder from the project's on; without one no names
    are found."""
    deadline_s: Annotated[float, Field(gt=0, le=30)] = 3
    """How long one value may take, in seconds."""
    max_chars: Annotated[int, Field(ge=1, le=4_000_000)] = 100_000
    """Longest texts of one value, together, that are read."""


class PresidioError(Exception):
    """The process cannot be made, or said what it should not."""


class Presidio:
    """Reads texts by presidio."""

    def __init__(self, table: DataTable, folder: Path, child: Path = _CHILD) -> None:
        """Read as `table` says; models are looked for from `folder` on, `child` is what is run."""
        self._table = table
        here = folder / table.model
        model = str(here) if table.model and here.exists() else table.model
        self._command = (sys.executable, "-I", str(child), table.language, model)
        self._loading: asyncio.Task[Process] | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._not_before = 0.0

    async def load(self) -> None:
        """Have the process loaded before anybody waits for it; if it cannot be, that is logged."""
        try:
            await asyncio.shield(self._process())
        except (PresidioError, OSError) as error:
            await self._failed(error)

    async def read(self, texts: list[str]) -> Read:
        """Return what is found in texts: in all of them, or in none."""
        if not texts:
            return {}
        if sum(map(len, texts)) > self._table.max_chars:
            return _unread("too_large")
        if self._waiting >= _MOST_WAITING:
            return _unread("crowded")
        if time.monotonic() < self._not_before:
            return _unread("failed")
        self._waiting += 1
        try:
            # Once for those before it, and once for its own answer.
            async with asyncio.timeout(self._table.deadline_s * 2), self._turn:
                found = await self._exchange(texts)
        except TimeoutError:
            return _unread("late")
        except (PresidioError, OSError, ValueError) as error:
            await self._failed(error)
            return _unread("failed")
        finally:
            self._waiting -= 1
        if found is None:
            return _unread("failed")
        DATA_READS.labels("read").inc()
        return found

    async def aclose(self) -> None:
        """End the process."""
        loading, self._loading = self._loading, None
        if loading is None:
            return
        loading.cancel()
        with contextlib.suppress(asyncio.CancelledError, PresidioError, OSError):
            await _end(await loading)

    async def _failed(self, error: Exception) -> None:
        _log.warning("data not read", error=f"{type(error).__name__}: {error}"[:300])
        self._not_before = time.monotonic() + _PAUSE_S
        await self.aclose()

    async def _exchange(self, texts: list[str]) -> Read | None:
        """Return what is found, or `None` when presidio is well and cannot read such a text."""
        # Loading goes on for the next one when this one cannot wait for it any longer.
        process = await asyncio.shield(self._process())
        try:
            async with asyncio.timeout(self._table.deadline_s):
                answer = await _asked(process, texts)
        except BaseException:
            # It may still answer this question when the next one is put.
            await asyncio.shield(self.aclose())
            raise
        if answer is None:
            return None
        if len(answer) != len(texts):
            raise PresidioError("another number of answers than texts")
        return {
            text: tuple(Match(*one) for one in found)
            for text, found in zip(texts, answer, strict=True)
        }

    def _process(self) -> asyncio.Task[Process]:
        if self._loading is None:
            self._loading = asyncio.create_task(self._start())
        return self._loading

    async def _start(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", ""), "HF_HUB_OFFLINE": "1"},
            limit=_LINE_BYTES,
        )
        try:
            async with asyncio.timeout(_LOAD_S):
                if process.stdout is None or await process.stdout.readline() != b"ready\n":
                    raise PresidioError("presidio or its model cannot be loaded")
        except BaseException as error:
            await asyncio.shield(_end(process))
            if isinstance(error, TimeoutError):
                raise PresidioError("presidio or its model took too long to load") from error
            raise
        return process


async def _asked(process: Process, texts: list[str]) -> list[list[_Told]] | None:
    if process.stdin is None or process.stdout is None:
        raise PresidioError("its process has no pipes")
    process.stdin.write(json.dumps(texts).encode() + b"\n")
    await process.stdin.drain()
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise PresidioError("its process ended")
    return _ANSWER.validate_json(line)


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def load_reader(folder: Path) -> Presidio | None:
    """Return who reads beside the default detector, as `[data]` of a project says; `None`: nobody.

    Raises:
        DataError: `DATA-INVALID`.
    """
    try:
        document = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
        table = DataTable.model_validate(document.get("data", {}))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise DataError(f"{_INVALID}: {FILE}: data.{shape_fault(error)}; {_SEE}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{_INVALID}: {FILE} cannot be read: {error}") from error
    if table.detector == "default":
        return None
    if find_spec("presidio_analyzer") is None:
        message = 'detector "presidio" needs the extra: pip install "remit[presidio]"'
        raise DataError(f"{_INVALID}: {FILE}: {message}; {_SEE}")
    if table.model and not (folder / table.model).exists() and find_spec(table.model) is None:
        message = f"the model {table.model!r} is neither installed nor a folder of the project"
        raise DataError(f"{_INVALID}: {FILE}: {message}; {_SEE}")
    return Presidio(table, folder)


_INVALID = "DATA-INVALID"
_SEE = "see docs/data-care.md#presidio"


def _unread(outcome: str) -> Read:
    DATA_READS.labels(outcome).inc()
    return {}
