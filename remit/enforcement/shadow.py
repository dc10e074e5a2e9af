"""A candidate in the shadow of the deciding policies: asked after them, and never heard by a call.

What the deciding OPA answered is already on its way when a copy of the question is put into a
bounded queue here; there is no way back, and nobody waits. A candidate that hangs, dies or answers
nonsense fills the queue, and what finds no room in it is dropped and counted. Which candidate that
is stands in a file, so that one comes and goes without a worker's start.
"""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from remit.decision.decision import Decided, Decision
from remit.decision.facts import Facts
from remit.decision.shadow import (
    Announcement,
    Difference,
    Outcome,
    Subject,
    falls_in,
    subject_of,
)
from remit.decision.whatif import compare
from remit.enforcement.answer import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.opa import OpaClient
from remit.enforcement.telemetry import (
    SHADOW_DECISIONS,
    SHADOW_ON,
    SHADOW_SECONDS,
    SHADOW_WAITING,
)
from remit.stores.shadow import BEARER, Findings, announced, folder_of

ROOM = 512
"""Most decisions that wait for the candidate."""
ROOM_BYTES = 32 * 2**20
"""Most bytes of their facts; those of a whole plan may be many."""
_AT_ONCE = 2
_EVERY_S = 1.0
_log = structlog.get_logger("remit.enforcement")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question that the deciding OPA has answered."""

    subject: Subject
    decided: Decided


class Trial:
    """One candidate, for as long as it is announced."""

    def __init__(
        self,
        announcement: Announcement,
        opa: OpaClient,
        findings: Findings,
        clock: Callable[[], int],
        room: int = ROOM,
    ) -> None:
        """Compare with what `opa` says; nothing is asked before `work` runs."""
        self.announcement = announcement
        self._opa = opa
        self._findings = findings
        self._clock = clock
        self._waiting: asyncio.Queue[_Asked] = asyncio.Queue(room)
        self._bytes = 0
        self._seq = 0

    def offer(self, facts: Facts, decided: Decided) -> None:
        """Take a copy of a question and its answer if there is room; return at once."""
        subject = subject_of(facts)
        # What belongs to no run is chosen by its facts.
        if not falls_in(subject.root or decided.facts_digest, self.announcement.percent):
            return
        size = len(decided.facts)
        if self._waiting.full() or self._bytes + size > ROOM_BYTES:
            self._count(decided, "dropped")
            return
        self._waiting.put_nowait(_Asked(subject, decided))
        self._bytes += size
        SHADOW_WAITING.set(self._waiting.qsize())

    async def work(self) -> None:
        """Put what waits to the candidate, until cancelled."""
        while True:
            asked = await self._waiting.get()
            self._bytes -= len(asked.decided.facts)
            SHADOW_WAITING.set(self._waiting.qsize())
            try:
                await self._compare(asked)
            except Exception:
                self._count(asked.decided, "unanswered")
                _log.exception("a decision could not be compared with the candidate's")

    async def flush(self) -> None:
        """Write what was found, off the event loop."""
        batch = self._findings.take()
        if batch is None:
            return
        try:
            lost = await asyncio.to_thread(self._findings.write, batch)
        except OSError as error:
            lost = len(batch.lines)
            _log.warning("what a candidate differs in cannot be kept", reason=error.strerror)
        self._findings.lose(lost)

    def end(self) -> None:
        """Give up what still waits."""
        while not self._waiting.empty():
            self._count(self._waiting.get_nowait().decided, "dropped")
        SHADOW_WAITING.set(0)

    async def _compare(self, asked: _Asked) -> None:
        begun = time.perf_counter()
        after: Decision | None = None
        fault = ""
        was = asked.decided
        try:
            said = await self._opa.decide_document(was.facts, was.decision.proposed_digest)
        except PolicyUnavailableError:
            self._count(was, "unanswered")
            return
        except PolicyInvalidError as error:
            fault = error.code
        else:
            if said.revision != self.announcement.revision:
                self._count(was, "foreign")
                return
            after = said.decision
        SHADOW_SECONDS.observe(time.perf_counter() - begun)
        change = compare(was.decision, after)
        if change is None or change.kind == "reason":
            self._count(was, "same" if change is None else "reason")
            return
        self._count(was, change.kind, self._difference(asked, after, fault))

    def _difference(self, asked: _Asked, after: Decision | None, fault: str) -> Difference:
        self._seq += 1
        subject, was = asked.subject, asked.decided
        return Difference.model_construct(
            root=subject.root,
            seq=self._seq,
            at_ms=was.decided_ms,
            kind=subject.kind,
            step=subject.step,
            tool=subject.tool,
            base=was.revision,
            candidate=self.announcement.revision,
            facts=was.facts_digest,
            before=was.decision,
            after=after,
            fault=fault,
        )

    def _count(self, was: Decided, outcome: Outcome, difference: Difference | None = None) -> None:
        SHADOW_DECISIONS.labels(outcome).inc()
        self._findings.add(was.revision, outcome, self._clock(), difference)


class Shadow:
    """Follows the announcement in a folder, and passes on what is offered."""

    def __init__(self, folder: Path, socket: Path, clock: Callable[[], int]) -> None:
        """Know of no candidate yet.

        Args:
            folder: Where candidates are announced and findings go.
            socket: Of the candidate's OPA, whichever it is.
            clock: Milliseconds of Unix time.
        """
        self._folder = folder
        self._socket = socket
        self._clock = clock
        self._trial: Trial | None = None
        self._opened = contextlib.AsyncExitStack()

    def offer(self, facts: Facts, decided: Decided) -> None:
        """Let the candidate, if there is one, say what it would have decided; never raises."""
        trial = self._trial
        if trial is None:
            return
        try:
            trial.offer(facts, decided)
        except Exception:
            # Whatever is wrong with a comparison, the decision stands and its call goes on.
            _log.exception("a decision was not offered to the candidate")

    async def look(self) -> None:
        """Look once whether another candidate is announced, and write what was found."""
        wanted = await asyncio.to_thread(announced, self._folder)
        current = self._trial.announcement if self._trial else None
        if wanted != current:
            await self.end()
            if wanted is not None:
                await self._begin(wanted)
        if self._trial is not None:
            await self._trial.flush()

    async def run(self, pause: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """Look again and again, until cancelled."""
        try:
            while True:
                try:
                    await self.look()
                except Exception:
                    _log.exception("the shadow cannot be followed")
                await pause(_EVERY_S)
        finally:
            await self.end()

    async def end(self) -> None:
        """Let go of the candidate."""
        trial, self._trial = self._trial, None
        await self._opened.aclose()
        SHADOW_ON.set(0)
        if trial is not None:
            trial.end()
            await trial.flush()
            _log.info("no candidate in the shadow any more", revision=trial.announcement.revision)

    async def _begin(self, wanted: Announcement) -> None:
        token = await asyncio.to_thread(_read, self._folder / BEARER)
        opa = await self._opened.enter_async_context(
            OpaClient(
                self._socket,
                token=token,
                deadline_s=wanted.deadline_ms / 1000,
                pool=_AT_ONCE,
            )
        )
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        findings = Findings(folder_of(self._folder, wanted.revision), name)
        trial = Trial(wanted, opa, findings, self._clock)
        tasks = [asyncio.create_task(trial.work()) for _ in range(_AT_ONCE)]
        self._opened.push_async_callback(_ended, tasks)
        self._trial = trial
        SHADOW_ON.set(1)
        _log.info("a candidate stands in the shadow", revision=wanted.revision)


def _read(token_file: Path) -> str:
    try:
        return token_file.read_text(encoding="ascii").strip()
    except OSError:
        # It is asked all the same, and what it cannot answer is counted.
        return ""


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
