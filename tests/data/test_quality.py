"""Bounds of quality and freshness: what meets them, what misses them, and what is said of it."""

import pytest

from remit.canonical import JSON, JSONObject
from remit.data.quality import POOR, STALE, look
from remit.tool.quality import Quality

NOW_MS = 1_800_000_000_000
"""2027-01-15T08:00:00Z."""


def misses(bounds: JSONObject, output: JSON) -> list[tuple[str, str, str]]:
    """Return what is missed: code, place, message."""
    looked = look(Quality.model_validate(bounds), output, NOW_MS)
    return [(one.code, one.at, one.message) for one in looked.misses]


def rows(*values: JSON) -> JSON:
    """Return an answer with rows that have a member `v`; `...` for one without it."""
    return {"rows": [{} if value is ... else {"v": value} for value in values]}


@pytest.mark.parametrize(
    ("bounds", "output", "said"),
    [
        ({"rows": [{"at": "/rows"}]}, rows(), "0 rows, at least 1 are wanted"),
        ({"rows": [{"at": "/rows", "most": 1}]}, rows(1, 2), "2 rows, at most 1 are wanted"),
        ({"rows": [{"at": "/rows"}]}, {"rows": None}, "there is no list"),
        ({"rows": [{"at": "/rows"}]}, {}, "there is no list"),
        (
            {"values": [{"at": "/rows/*/v", "share": 0.75}]},
            rows(1, None, "", ...),
            "1 of 4 are good, 3 are wanted",
        ),
        (
            {"values": [{"at": "/rows/*/v", "good": {"type": "number", "maximum": 10}}]},
            rows(1, 11),
            "1 of 2 are good, 2 are wanted",
        ),
        (
            {"values": [{"at": "/rows/*/v", "good": {"type": "string", "pattern": "^[a-z]+$"}}]},
            rows("a", "B", "c"),
            "2 of 3 are good, 3 are wanted",
        ),
        ({"unique": ["/rows/*/v"]}, rows(1, 2, 1, 1), "2 of 4 stand there already"),
    ],
)
def test_what_misses_is_told_by_place(bounds: JSONObject, output: JSON, said: str) -> None:
    """With numbers, never by value."""
    ((code, _, message),) = misses(bounds, output)

    assert (code, message) == (POOR, said)


@pytest.mark.parametrize(
    ("bounds", "output"),
    [
        ({"rows": [{"at": "/rows", "least": 0}]}, rows()),
        ({"values": [{"at": "/rows/*/v", "share": 0.95}]}, rows(*range(1, 20), None)),
        ({"values": [{"at": "/rows/*/v"}]}, rows()),
        ({"values": [{"at": "/rows/*/v"}]}, rows(0, False, [])),
        ({"unique": ["/rows/*/v"]}, rows(1, "1", 2, ...)),
        ({"unique": [""]}, rows(1, 1)),
    ],
)
def test_what_meets_its_bounds(bounds: JSONObject, output: JSON) -> None:
    """A share counts whole values; of no rows every share is met, rows have their own bound."""
    assert misses(bounds, output) == []


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        ("2027-01-15T07:59:30Z", "rfc3339", ""),
        ("2027-01-15T08:59:30+01:00", "rfc3339", ""),
        (1_799_999_970, "s", ""),
        (1_799_999_970_000, "ms", ""),
        ("2027-01-15T07:58:59Z", "rfc3339", "61 s old, at most 60 s are wanted"),
        ("2027-01-15T08:04:00Z", "rfc3339", ""),
        ("2027-01-15T09:00:00Z", "rfc3339", "it is of a moment that is still to come"),
        ("2027-01-15T07:59:30", "rfc3339", "it does not tell of when it is"),
        ("yesterday", "rfc3339", "it does not tell of when it is"),
        (None, "rfc3339", "it does not tell of when it is"),
        (True, "s", "it does not tell of when it is"),
        ("1799999970", "s", "it does not tell of when it is"),
    ],
)
def test_freshness_is_what_the_answer_says_of_itself(value: JSON, unit: str, said: str) -> None:
    """A moment without its offset, or none at all, is stale: nothing shows that it is not."""
    bounds: JSONObject = {"fresh": {"at": "/at", "max_age_s": 60, "unit": unit}}

    expected = [(STALE, "/at", said)] if said else []
    assert misses(bounds, {"at": value}) == expected


def test_of_several_moments_the_oldest_counts() -> None:
    """One stale row makes the answer stale; the age is told."""
    bounds = Quality.model_validate(
        {"fresh": {"at": "/rows/*/v", "max_age_s": 60, "unit": "s"}, "rows": [{"at": "/none"}]}
    )

    looked = look(bounds, rows(1_800_000_000, 1_799_999_000), NOW_MS)

    assert (looked.code, looked.age_s) == (STALE, 1000)
    assert [one.code for one in looked.misses] == [STALE, POOR]
    absent = look(bounds, rows(1_800_000_000, ...), NOW_MS)
    assert (absent.code, absent.age_s) == (STALE, None)


def test_bounds_that_bound_nothing_are_none() -> None:
    """A table without an entry is a mistake."""
    with pytest.raises(ValueError, match="it bounds nothing"):
        Quality.model_validate({"on_miss": "without"})
