"""How much is measured: all of it, or enough for a first look."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers of everything."""

    warm_up: int
    """Runs of each kind before anything counts."""
    sequential_pairs: int
    throughput_pairs: int
    throughput_runs: int
    """Runs of one side of a pair."""
    best_every: int
    """Bare made lean, and at its best, is measured beside every so-manieth pair."""
    fan_out_pairs: int
    decisions: int
    """Decisions one at a time; thirty times as many at once."""
    pipeline_runs: int
    """Runs of governed calls without Temporal, one call at a time; five times as many at once."""
    compilations: int
    recorded_steps: int
    """Steps of each caller that records, two records each."""
    replayed: int
    """Recorded decisions that are asked again."""
    bulkhead_pairs: int
    bulkhead_runs: int
    """Runs of one side of a pair."""
    memory_runs: int
    """Runs that the governed worker has made, at least, when its memory is read."""


FULL = Scale(
    warm_up=20,
    sequential_pairs=60,
    throughput_pairs=20,
    throughput_runs=200,
    best_every=4,
    fan_out_pairs=20,
    decisions=1000,
    pipeline_runs=50,
    compilations=15,
    recorded_steps=40,
    replayed=3000,
    bulkhead_pairs=20,
    bulkhead_runs=80,
    memory_runs=2000,
)
QUICK = Scale(
    warm_up=5,
    sequential_pairs=12,
    throughput_pairs=2,
    throughput_runs=50,
    best_every=2,
    fan_out_pairs=3,
    decisions=100,
    pipeline_runs=5,
    compilations=3,
    recorded_steps=8,
    replayed=500,
    bulkhead_pairs=4,
    bulkhead_runs=24,
    memory_runs=0,
)

STEPS = 10
"""Steps of one sequential run."""
AT_ONCE = 50
"""Runs in flight when throughput is measured."""
ITEMS = 100
"""Items of the fan-out."""
DECISIONS_AT_ONCE = 64
