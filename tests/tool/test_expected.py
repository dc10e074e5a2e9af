"""What a read-back finds, held against what it must find."""

import pytest

from remit.canonical import JSON
from remit.tool.expected import Difference, differences


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({}, {"id": "a"}),
        ({"id": "a"}, {"id": "a", "more": 1}),
        ({"in": {"id": "a"}}, {"in": {"id": "a", "more": 1}}),
        ([{"id": "a"}, 2], [{"id": "a", "more": 1}, 2]),
        (5, 5.0),
        (None, None),
    ],
)
def test_what_is_as_expected(expected: JSON, found: JSON) -> None:
    """Objects may hold more; everything else is equal as JSON is."""
    assert list(differences(expected, found)) == []


@pytest.mark.parametrize(
    ("expected", "found", "difference"),
    [
        ({"id": "a"}, {"id": "b"}, Difference("/id", "a", "b")),
        ({"id": None}, {}, Difference("/id", None, None, is_absent=True)),
        ({"a/b": {"c": 1}}, {"a/b": {"c": True}}, Difference("/a~1b/c", 1, True)),
        ({"id": {"x": 1}}, {"id": [1]}, Difference("/id", {"x": 1}, [1])),
        ({"list": [1]}, {"list": [1, 2]}, Difference("/list", [1], [1, 2])),
        ({"list": [1, 2]}, {"list": [2, 1]}, Difference("/list/0", 1, 2)),
        (False, 0, Difference("", False, 0)),
        ("5", 5, Difference("", "5", 5)),
        ({}, None, Difference("", {}, None)),
    ],
)
def test_what_is_not(expected: JSON, found: JSON, difference: Difference) -> None:
    """The first difference has its place and both values; absent is not null."""
    assert next(differences(expected, found)) == difference


def test_every_difference_is_told() -> None:
    """One that was found hides no other."""
    found = differences({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 2, "b": {"c": 2}})

    assert [each.path for each in found] == ["/a", "/b/d"]
