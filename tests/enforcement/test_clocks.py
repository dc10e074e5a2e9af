"""Clocks that are wrong, and days that are not as others: only the facts' own time counts."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from remit.canonical import JSON, JSONObject
from remit.ledger.entries import VoteRow
from remit.stores.ledger import wall_ms
from tests.enforcement.limited import STEP, desk, policies
from tests.policies import given
from tests.policies.served import Served, serve
from tests.stores.ledger_values import HandClock

pytestmark = pytest.mark.opa

SKEW_MS, TEN_MINUTES_MS = 30_000, 600_000


WINDOWS: dict[str, JSONObject] = {
    "morning": {"from_minute": 540, "to_minute": 720, "offset_minutes": 60},
    "before": {"from_minute": 0, "to_minute": 1440, "days": [6]},
    "after": {"from_minute": 0, "to_minute": 1440, "days": [7]},
}
"""Hours by the word that stands in the tool's name; the days are all seven unless they are said."""


def opening(name: str, window: JSONObject) -> JSONObject:
    """Return hours of the tool of this name."""
    days: JSON = list(range(1, 8))
    return {"name": name, "calls": {"tool": f"desk.{name}@1"}, "days": days, **window}


@pytest.fixture(scope="module")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real OPA with hours."""
    table: JSON = [opening(name, window) for name, window in WINDOWS.items()]
    folder = policies(
        tmp_path_factory.mktemp("p") / "lab",
        thresholds={"packs": {"hours": table}},
        tester={},
    )
    with serve(project=folder) as served:
        yield served


def closed(opa: Served, tool: str, moment: datetime | int) -> bool:
    """Return whether a call of the tool is outside of its hours."""
    now_ms = moment if isinstance(moment, int) else int(moment.timestamp() * 1000)
    facts = given.call(tool=f"desk.{tool}@1")
    context = given.CONTEXT.model_copy(update={"now_ms": now_ms, "scheduled_ms": now_ms})
    answer = opa.ask(given.document(facts.model_copy(update={"context": context})))
    reasons = answer["reasons"]
    assert isinstance(reasons, list)
    codes = {reason["code"] for reason in reasons if isinstance(reason, dict)}
    assert "input.malformed" not in codes
    return "hours.closed" in codes


@pytest.mark.parametrize(
    ("ahead_ms", "ending"),
    [
        (-TEN_MINUTES_MS, "clock.behind"),
        (-SKEW_MS - 1, "clock.behind"),
        (-SKEW_MS, "happened"),
        (0, "happened"),
        (TEN_MINUTES_MS, "happened"),
    ],
)
async def test_a_worker_whose_clock_is_behind_calls_nothing(
    opa: Served, made_url: str, ahead_ms: int, ending: str
) -> None:
    """Behind, grants and deadlines would live too long; ahead, they end early, which is safe."""
    right = HandClock(wall_ms())
    async with desk(made_url, opa.socket, ahead_ms, by=right) as made:
        made.scheduled_ms = right()

        assert await made.ending("r") == ending
        assert len(made.effects) == int(ending == "happened")


async def test_a_clock_that_is_ahead_ends_a_grant_early(opa: Served, made_url: str) -> None:
    """Five minutes are over for a worker ten minutes ahead; one with the right time calls."""
    right = HandClock(wall_ms())
    async with desk(made_url, opa.socket, by=right) as made:
        made.step = {**STEP, "approval": {"role": "operator", "expires": "PT5M"}}
        gate = (await made.call("r")).gate
        assert gate is not None
        yes = VoteRow(gate.id, "e", "boss@lab.example", "approve", True, "", "", {})
        await made.ledger.vote("r", [yes])
    async with desk(made_url, opa.socket, TEN_MINUTES_MS, by=right) as ahead:
        ahead.step = made.step
        assert await ahead.ending("r") == "gate"
        assert ahead.effects == []
    async with desk(made_url, opa.socket, by=right) as again:
        again.step = made.step
        assert await again.ending("r") == "happened"
        assert again.effects == ["r:put:do"]


def test_a_change_of_summer_time_moves_no_window(opa: Served) -> None:
    """Offsets are fixed: on either side of the change the window is the same minutes of UTC."""
    for day in (27, 28, 29):  # Europe's clocks went forward on 28 March 2027
        opens, ends = datetime(2027, 3, day, 8, tzinfo=UTC), datetime(2027, 3, day, 11, tzinfo=UTC)
        first, last = int(opens.timestamp() * 1000), int(ends.timestamp() * 1000)

        assert [closed(opa, "morning", at) for at in (first - 1, first, last - 1, last)] == [
            True,
            False,
            False,
            True,
        ]


def test_a_leap_second_is_in_one_day_exactly(opa: Served) -> None:
    """Unix time has no name for it: no moment around it is in both windows, and none in neither."""
    midnight = int(datetime(2017, 1, 1, tzinfo=UTC).timestamp() * 1000)  # a Sunday, behind 23:59:60
    around = [midnight - 1001, midnight - 1000, midnight - 1, midnight, midnight + 999]
    seen = [(closed(opa, "before", at), closed(opa, "after", at)) for at in around]

    assert seen == [(False, True)] * 3 + [(True, False)] * 2
