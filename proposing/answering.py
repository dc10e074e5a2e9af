"""Asking a project's planner once: a deadline, a bound, and a finding for whatever goes wrong.

What a planner raises is shown by its type and line, never by its words: they may hold secrets.
"""

import asyncio
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from remit.canonical import JSONObject, NotCanonicalError, canonical
from remit.diagnostic import Diagnostic
from remit.plan.plain import MAX_DEPTH, is_shallow
from remit.plan.planner import Planner, Proposal, Wish

RAISED = "PLANNER-RAISED"
TIMEOUT = "PLANNER-TIMEOUT"
ANSWER = "PROPOSAL-ANSWER"
FAULTS = (RAISED, TIMEOUT)
"""The planner failed: it is not asked again at once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a planner answered."""

    document: JSONObject | None
    """`None`: nothing that can be looked at."""
    fault: Diagnostic | None = None
    """Why not."""
    cost_micros: int | None = None


async def ask(planner: Planner, wish: Wish, deadline_s: float, max_bytes: int) -> Answer:
    """Return what `planner` answers within `deadline_s` seconds.

    Whoever cancels the caller cancels the planner.
    """
    deadline = asyncio.timeout(deadline_s)
    try:
        async with deadline:
            said = await planner(wish)
    except Exception as error:
        # A planner may also have been late for something of its own.
        if isinstance(error, TimeoutError) and deadline.expired():
            return _fault(TIMEOUT, f"the planner did not answer within {deadline_s:g} s")
        return _fault(RAISED, f"the planner raised {_shown(error)}")
    return _read(said, max_bytes)


def _read(said: object, max_bytes: int) -> Answer:
    cost: int | None = None
    document: object = said
    if isinstance(said, Proposal):
        document = said.plan
        given = said.cost_micros
        cost = given if type(given) is int and given >= 0 else None
    if not isinstance(document, Mapping):
        kind = type(document).__name__
        return _fault(ANSWER, f"the planner answered {kind} in place of a plan", cost)
    return _bounded(dict(document), max_bytes, cost)


def _bounded(document: JSONObject, max_bytes: int, cost: int | None) -> Answer:
    if not is_shallow(document, MAX_DEPTH):
        return _fault(ANSWER, f"the plan is nested deeper than {MAX_DEPTH}", cost)
    try:
        text = canonical(document)
    except (NotCanonicalError, UnicodeError, TypeError) as error:
        return _fault(ANSWER, f"the plan cannot be written as JSON: {error}"[:300], cost)
    if len(text) > max_bytes:
        message = f"the plan has {len(text)} bytes; at most {max_bytes} are taken"
        return _fault(ANSWER, message, cost)
    # Read again, so that nothing but JSON's own types goes on.
    return Answer(json.loads(text), cost_micros=cost)


def _fault(code: str, message: str, cost: int | None = None) -> Answer:
    hint = "answer with a plan, within the deadline and the bounds of `[planner]`"
    return Answer(None, Diagnostic(code=code, path="", message=message, hint=hint), cost)


def _shown(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({PurePath(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{where}"
