"""The way of a request: read, meet a fault, be answered once, be disguised.

Owns the order of these steps. A business request is journaled, once per key and open to
faults; a control request (journal, faults, state) is none of these.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from datetime import UTC, datetime

from pydantic import ValidationError
from pydantic_core import to_jsonable_python
from starlette.requests import Request
from starlette.responses import Response

from . import faults
from .answers import as_error, as_json
from .connections import Connections
from .contract import Operation, Question, Work
from .disguise import disguise, laid_over
from .faults import Fault
from .intake import read_key, read_question
from .journal import Asked
from .once import Outcome, answer_once
from .refusals import INTERNAL, RefusedError
from .store import Store


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Pipeline:
    """Answers requests from the store."""

    def __init__(self, store: Store, connections: Connections) -> None:
        self._store = store
        self._connections = connections
        # A mirror, so that a request without a fault does not pay a trip to the store.
        self._armed: frozenset[str] = frozenset()

    async def refresh(self) -> None:
        """Read again which operations have a fault."""
        self._armed = await self._store.run(faults.armed)

    async def control(self, operation: Operation, request: Request) -> Response:
        """Answer a request about the service itself."""
        try:
            question = await read_question(request, operation)
            answer = await self._store.run(
                lambda db: operation.perform(Work(db, _now()), question).model_dump_json()
            )
        except RefusedError as refused:
            return as_error(refused)
        if operation.says.method != "GET":
            await self.refresh()
        return as_json(answer.encode(), operation.says.success)

    async def business(self, operation: Operation, request: Request) -> Response:
        """Answer a request to a business operation."""
        request_id = f"req-{secrets.token_hex(8)}"
        try:
            key = read_key(request, operation)
            question = await read_question(request, operation)
            fault = await self._claim(operation, question)
        except RefusedError as refused:
            return as_error(refused)
        asked = Asked(operation.says.name, key, request_id, fault.mode if fault else None, _now())
        if fault is None:
            answer = await self._answer(operation, question, asked, keep=True)
        else:
            answer = await self._answer_at_fault(operation, question, asked, fault)
        answer.headers["X-Request-Id"] = request_id
        return answer

    async def _claim(self, operation: Operation, question: Question) -> Fault | None:
        name = operation.says.name
        if name not in self._armed:
            return None
        fields = to_jsonable_python(question)
        fault = await self._store.run(lambda db: faults.claim(db, name, fields))
        if fault is not None and fault.times is not None:
            await self.refresh()
        return fault

    async def _answer(
        self, operation: Operation, question: Question, asked: Asked, *, keep: bool
    ) -> Response:
        def work(db: sqlite3.Connection) -> Outcome:
            return answer_once(db, operation, question, asked, keep=keep)

        try:
            outcome = await self._store.run(work)
        except RefusedError as refused:
            return as_error(refused)
        answer = as_json(outcome.body, outcome.status)
        if outcome.replayed:
            answer.headers["Idempotent-Replayed"] = "true"
        return answer

    async def _answer_at_fault(
        self, operation: Operation, question: Question, asked: Asked, fault: Fault
    ) -> Response:
        await asyncio.sleep(fault.delay_s("before_effect"))
        fields = question.model_dump(mode="json", exclude_unset=True)
        if fault.mode == "alter":
            try:
                question = operation.asks.model_validate(laid_over(fields, fault.instead))
            except ValidationError:
                return as_error(RefusedError(INTERNAL, "injected: `instead` is no such request"))
        answer = await self._answer(operation, question, asked, keep=fault.effect)
        await asyncio.sleep(fault.delay_s("after_effect"))
        return disguise(fault, answer, self._connections, fields)
