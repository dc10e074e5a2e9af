"""What stands in a run's history: events and bytes, governed beside bare."""

from collections import Counter

from pydantic import BaseModel, ConfigDict
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from benchmarks.arena import BARE, GOVERNED
from benchmarks.load import Work, new_id, run_one, sequences
from benchmarks.scale import STEPS


class Written(BaseModel):
    """The history of one run of `STEPS` steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: int
    bytes: int
    events_per_step: float
    """What one more step adds, from a run of twice the steps."""
    bytes_per_step: float
    types: dict[str, int]


class Histories(BaseModel):
    """Governed beside bare."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    governed: Written
    bare: Written
    more: dict[str, int]
    """Events by type that a governed run has and the bare one has not (negative: the reverse)."""


async def histories(client: Client) -> Histories:
    """Compare sequential runs, one at a time."""
    once, twice = sequences(STEPS), sequences(2 * STEPS)
    governed = await _written(client, once[GOVERNED], twice[GOVERNED])
    bare = await _written(client, once[BARE], twice[BARE])
    kinds = sorted(governed.types.keys() | bare.types.keys())
    counts = {kind: governed.types.get(kind, 0) - bare.types.get(kind, 0) for kind in kinds}
    return Histories(
        governed=governed, bare=bare, more={kind: n for kind, n in counts.items() if n}
    )


async def _written(client: Client, once: Work, twice: Work) -> Written:
    short, short_bytes = await _history(client, once)
    long, long_bytes = await _history(client, twice)
    added = twice.steps - once.steps
    return Written(
        events=short.total(),
        bytes=short_bytes,
        events_per_step=(long.total() - short.total()) / added,
        bytes_per_step=(long_bytes - short_bytes) / added,
        types=dict(sorted(short.items())),
    )


async def _history(client: Client, work: Work) -> tuple[Counter[str], int]:
    workflow_id = new_id(work)
    await run_one(client, work, workflow_id)
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    kinds = Counter(
        EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()
        for event in history.events
    )
    return kinds, sum(event.ByteSize() for event in history.events)
