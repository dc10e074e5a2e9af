"""How much memory a governed worker takes, and whether it grows with the runs it has made."""

from pydantic import BaseModel, ConfigDict
from temporalio.client import Client

from benchmarks.arena import BARE, GOVERNED, Arena
from benchmarks.load import made, run_many, sequences
from benchmarks.processes import peak_rss_mb, rss_mb
from benchmarks.scale import AT_ONCE, STEPS, Scale

_SAMPLES = 10


class Memory(BaseModel):
    """MB of 10^6 bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: int
    """Runs that the governed worker had made in the end."""
    worker_mb: list[float]
    """The governed worker while the last of them were made, first to last."""
    worker_peak_mb: float
    bare_worker_mb: float
    opa_mb: float
    temporal_mb: float


async def memory(client: Client, arena: Arena, scale: Scale) -> Memory:
    """Make what is missing of `scale.memory_runs` runs and watch."""
    worker = arena.pids[GOVERNED]
    work = sequences(STEPS)[GOVERNED]
    samples = [rss_mb(worker)]
    missing = scale.memory_runs - made[GOVERNED]
    while missing > 0:
        batch = min(missing, scale.memory_runs // _SAMPLES)
        await run_many(client, work, batch, AT_ONCE)
        samples.append(rss_mb(worker))
        missing -= batch
    return Memory(
        runs=made[GOVERNED],
        worker_mb=samples,
        worker_peak_mb=peak_rss_mb(worker),
        bare_worker_mb=rss_mb(arena.pids[BARE]),
        opa_mb=rss_mb(arena.pids["opa"]),
        temporal_mb=rss_mb(arena.pids["temporal"]),
    )
