"""What is called a decision asked again was recorded, and came out the same."""

import pytest

from benchmarks.arena import PROJECT
from benchmarks.replaying import replaying
from remit.cli.whatif.asking import Judge
from remit.decision.decision import Decision
from remit.stores.project import load_project

pytestmark = pytest.mark.opa


def test_each_pass_asks_all_of_them_again() -> None:
    """By two OPAs each time, and as many as were recorded."""
    measured = replaying(load_project(PROJECT), 30, 2)

    assert measured.decisions == 30
    assert len(measured.per_s) == measured.over_asking.pairs == 2
    assert min(measured.per_s) > 0


def test_what_does_not_come_out_again_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that found no answer was not one."""

    async def silent(judge: Judge, documents: list[bytes]) -> list[Decision | None]:
        return [None for _ in documents]

    monkeypatch.setattr(Judge, "ask", silent)
    with pytest.raises(ValueError, match="did not come out again"):
        replaying(load_project(PROJECT), 5, 1)
