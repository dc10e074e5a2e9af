"""What comes of a planner that answers, or does not, or answers something else."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from proposing.answering import ANSWER, RAISED, TIMEOUT, ask
from remit.plan.planner import Proposal, Wish

WISH = Wish("goal", "a@1.0.0", "me@x.example", "lab", "team:lab", {}, {}, [], {})
DEEP: Any = []
for _ in range(100):
    DEEP = [DEEP]


def saying(answer: Any) -> Callable[[Wish], Awaitable[Any]]:
    """Return a planner that says one thing."""

    async def planner(wish: Wish) -> Any:
        return answer

    return planner


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (None, "NoneType in place of a plan"),
        ("a plan", "str in place"),
        ([{"steps": []}], "list in place"),
        ({"a": float("nan")}, "cannot be written as JSON"),
        ({"a": 2**60}, "cannot be written as JSON"),
        ({"a": object()}, "cannot be written as JSON"),
        ({"a": "\ud800"}, "cannot be written as JSON"),
        ({"a": DEEP}, "nested deeper"),
        ({"a": "x" * 2000}, "at most 1024"),
        (Proposal({"a": float("inf")}), "cannot be written as JSON"),
    ],
)
async def test_what_is_no_plan_document_is_a_finding(said: Any, words: str) -> None:
    """Whatever a planner answers comes back as one finding with a code, and nothing is raised."""
    answer = await ask(saying(said), WISH, 5, 1024)

    assert answer.document is None
    assert answer.fault is not None
    assert answer.fault.code == ANSWER
    assert words in answer.fault.message


async def test_a_plan_is_taken_with_what_it_cost() -> None:
    """Both forms of an answer; a cost that is no amount counts as not stated."""
    plain = await ask(saying({"steps": [1.0, (2, 3)]}), WISH, 5, 1024)
    priced = await ask(saying(Proposal({"steps": []}, cost_micros=7)), WISH, 5, 1024)
    odd = await ask(saying(Proposal({"steps": []}, cost_micros=-7)), WISH, 5, 1024)

    assert plain.document == {"steps": [1, [2, 3]]}
    assert (priced.cost_micros, odd.cost_micros, plain.cost_micros) == (7, None, None)


async def test_a_planner_that_hangs_is_left() -> None:
    """At the deadline it is cancelled, and that is said."""
    ended: list[str] = []

    async def hanging(wish: Wish) -> Proposal:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")
        return Proposal({})

    answer = await ask(hanging, WISH, 0.01, 1024)

    assert answer.fault is not None
    assert answer.fault.code == TIMEOUT
    assert ended == ["cancelled"]


@pytest.mark.parametrize("error", [ValueError("sk-secret"), TimeoutError("sk-secret")])
async def test_a_planner_that_raises_is_told_without_its_words(error: Exception) -> None:
    """The type and the line, for words may hold secrets; its own lateness is not ours."""

    async def raising(wish: Wish) -> Proposal:
        raise error

    answer = await ask(raising, WISH, 5, 1024)

    assert answer.fault is not None
    assert answer.fault.code == RAISED
    assert type(error).__name__ in answer.fault.message
    assert "secret" not in answer.fault.message


async def test_whoever_cancels_the_asking_cancels_the_planner() -> None:
    """A worker that drains takes its planners with it: that is no answer."""
    begun = asyncio.Event()

    async def hanging(wish: Wish) -> Proposal:
        begun.set()
        await asyncio.Event().wait()
        return Proposal({})

    task = asyncio.create_task(ask(hanging, WISH, 60, 1024))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
