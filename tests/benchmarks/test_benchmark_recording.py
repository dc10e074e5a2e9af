"""What is called a record is one, and durable."""

from benchmarks.recording import CALLERS, recording


def test_a_small_measure_counts_records_of_each_load() -> None:
    """Two records a step and caller; callers that come together share commits."""
    rates = recording(1).rates

    assert [one.callers for one in rates] == list(CALLERS)
    for one in rates:
        assert one.database == "sqlite"
        assert one.records == 2 * one.callers
        assert one.per_s > 0
        assert 1 < one.per_commit <= one.callers
