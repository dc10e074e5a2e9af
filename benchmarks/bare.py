"""What somebody would write by hand on plain Temporal: the same steps, nothing else.

Options of the activities are those of governed steps, so that the server does the same work.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

ACTIVITY = "bench.noop@1"
SEQUENCE = "BareSequence"
FAN_OUT = "BareFanOut"

_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


async def _step(number: int, activity_id: str) -> int:
    answer: dict[str, int] = await workflow.execute_activity(
        ACTIVITY,
        {"n": number},
        result_type=dict[str, int],
        activity_id=activity_id,
        summary=f"{ACTIVITY} {activity_id}",
        start_to_close_timeout=timedelta(seconds=60),
        schedule_to_close_timeout=timedelta(days=1),
        heartbeat_timeout=timedelta(seconds=10),
        retry_policy=_RETRY,
    )
    return answer["n"]


@workflow.defn(name=SEQUENCE)
class BareSequence:
    """Steps one after the other."""

    @workflow.run
    async def run(self, steps: int) -> int:
        """Return how many steps were made."""
        for number in range(steps):
            await _step(number, f"s{number}")
        return steps


@workflow.defn(name=FAN_OUT)
class BareFanOut:
    """Steps all at once."""

    @workflow.run
    async def run(self, items: int) -> int:
        """Return how many steps were made."""
        steps = (_step(number, f"each[{number}]") for number in range(items))
        return len(await asyncio.gather(*steps))
