"""When a canary holds, and what brings it back: folded from records, the same for everybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import JSONObject
from remit.decision.canary import (
    CHAIN,
    COUNTED,
    ENDED,
    STARTED,
    UNANSWERED,
    Canary,
    End,
    Limits,
    Sides,
    Standing,
    Tally,
    answered,
    broken,
)
from remit.decision.release import Release

_A, _B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
_START = 1_000_000


def release(serial: int, revision: str = _A) -> Release:
    """A release of the ledger."""
    return Release(
        serial=serial,
        revision=revision,
        archive=revision,
        key="k",
        origin="published",
        author="ann",
        reason="",
        approvals=(),
        report="",
        floor=1,
        published_ms=0,
    )


def canary(number: int = 1, **changes: object) -> Canary:
    """A canary of ten minutes beside release 7."""
    told: dict[str, object] = {
        "revision": _B,
        "key": "k",
        "source": "a test",
        "percent": 10,
        "lasts_ms": 600_000,
        "base": 7,
        "author": "ann",
        "number": number,
        "archive": _B,
        "started_ms": _START,
    }
    return Canary.model_validate(told | changes)


def record(seq: int, kind: str, body: JSONObject, at_ms: int = _START) -> JSONObject:
    """A record as the ledger gives it."""
    return {"root": CHAIN, "seq": seq, "at_ms": at_ms, "kind": kind, "body": body}


def standing(*further: JSONObject, newest: Release | None = None, **changes: object) -> Standing:
    """What is known of one canary."""
    made = Standing(newest=newest or release(7))
    made.take([record(1, STARTED, canary(**changes).model_dump(mode="json")), *further])
    return made


def many(number: int, took_us: int = 900, denied: int = 0) -> Tally:
    """Decisions that took so long, the first of them denied."""
    total = Tally()
    for at in range(number):
        total += answered(took_us, is_deny=at < denied)
    return total


@pytest.mark.parametrize(
    ("mine", "theirs", "why"),
    [
        (many(100), many(100), None),
        (many(100, denied=10), many(100), None),
        (many(100, denied=11), many(100), "denials"),
        (many(100, denied=40), many(100, denied=30), None),
        (many(19, denied=19), many(100), None),
        (many(100, denied=100), many(19), None),
        (many(100, 70_000), many(100), "latency"),
        (many(100, 40_000), many(100), None),
        (many(100, 60_000), many(100, 30_000), None),
        (many(100, 300_000), many(100, 30_000), "latency"),
        (many(96) + many(4, 900_000), many(100), None),
        (many(94) + many(6, 900_000), many(100), "latency"),
        (UNANSWERED + UNANSWERED, many(100), None),
        (UNANSWERED + UNANSWERED + UNANSWERED, many(100), "errors"),
        (UNANSWERED + UNANSWERED + UNANSWERED, Tally(errors=5), None),
    ],
)
def test_limits_hold_a_candidate_against_the_policies_in_force(
    mine: Tally, theirs: Tally, why: str | None
) -> None:
    """By share and by time on both sides; errors need no company."""
    found = broken(Limits(), mine, theirs)
    assert (found[0] if found else None) == why


def test_it_holds_until_its_time_is_over() -> None:
    """And no moment longer, whether somebody wrote that down or not."""
    known = standing()
    assert known.in_force(_START + 599_999) is not None
    assert known.due(_START + 599_999) is None
    assert known.in_force(_START + 600_000) is None
    due = known.due(_START + 600_000)
    assert due is not None
    assert due.why == "expired"


@pytest.mark.parametrize(
    ("newest", "why"), [(release(8), "overtaken"), (release(8, _B), "promoted")]
)
def test_any_release_ends_it(newest: Release, why: str) -> None:
    """It was judged beside another; a rollback is a release too."""
    known = standing(newest=newest)
    assert known.in_force(_START) is None
    due = known.due(_START)
    assert due is not None
    assert due.why == why


def test_without_releases_nothing_holds() -> None:
    """Whoever knows no release knows not what it stands beside."""
    known = Standing()
    known.take([record(1, STARTED, canary().model_dump(mode="json"))])
    assert known.in_force(_START) is None


def test_an_end_is_an_end() -> None:
    """Until another canary starts, which begins with nothing counted."""
    lost = Sides(canary=1, worker="w", candidate=Tally(errors=9))
    over = End(canary=1, why="errors", message="9 of 9")
    known = standing(
        record(2, COUNTED, lost.model_dump(mode="json")),
        record(3, ENDED, over.model_dump(mode="json")),
    )
    assert known.in_force(_START) is None
    assert known.due(_START) is None
    again = canary(2).model_dump(mode="json")
    known.take([record(4, STARTED, again), record(5, COUNTED, lost.model_dump(mode="json"))])
    held = known.in_force(_START)
    assert held is not None
    assert held.number == 2
    assert known.sides(_START) == (Tally(), Tally())


def test_only_the_window_counts() -> None:
    """What lies further back brings nothing back, on neither side."""
    lost = Sides(canary=1, worker="w", candidate=Tally(errors=3), active=many(30))
    known = standing(record(2, COUNTED, lost.model_dump(mode="json")))
    assert known.due(_START + 300_000) is not None
    assert known.due(_START + 300_001) is None
    assert known.sides(_START + 300_001) == (Tally(), Tally())


_tallies = st.builds(
    lambda times, errors, denied: Tally(
        decided=sum(times), denied=min(denied, sum(times)), errors=errors, times=times
    ),
    st.lists(st.integers(0, 50), max_size=13),
    st.integers(0, 9),
    st.integers(0, 99),
)


@given(st.lists(_tallies, max_size=6), st.integers(0, 6))
def test_how_workers_share_the_work_changes_nothing(found: list[Tally], cut: int) -> None:
    """Sums are the same in any grouping, so every worker judges alike."""
    whole, first, rest = Tally(), Tally(), Tally()
    for at, one in enumerate(found):
        whole += one
        first, rest = (first + one, rest) if at < cut else (first, rest + one)
    again = first + rest
    assert (again.decided, again.denied, again.errors) == (
        whole.decided,
        whole.denied,
        whole.errors,
    )
    assert again.slow_ms == whole.slow_ms


@given(_tallies)
def test_a_candidate_like_the_policies_in_force_stays(side: Tally) -> None:
    """Whatever happens to both alike is not the candidate's fault."""
    assert broken(Limits(), side, side) is None
