"""JSON pointers into values."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import JSON
from remit.diagnostic import pointer
from remit.tool.pointer import PointerError, follow, put, split

DOCUMENT: JSON = {"a/b": {"~": [1, {"": 2}]}, "01": [3]}


@pytest.mark.parametrize("way", [("a/b",), ("a/b", "~", 0), ("a/b", "~", 1, ""), ("01", 0)])
def test_what_stands_somewhere_is_replaced_there_and_nowhere_else(way: tuple[str | int]) -> None:
    """Names with the signs that pointers escape, an empty one, and items."""
    changed = copy.deepcopy(DOCUMENT)
    place = pointer(*way)

    assert put(changed, place, "new")

    assert follow(changed, place) == "new"
    assert put(changed, place, follow(DOCUMENT, place))
    assert changed == DOCUMENT


@pytest.mark.parametrize("place", ["", "/b", "/a~1b/~0/2", "/01/00", "/01/-1", "a", "/01/0/x", "/"])
def test_where_nothing_stands_nothing_is_put(place: str) -> None:
    """Neither a new member nor a new item, nor the whole in its own place."""
    changed = copy.deepcopy(DOCUMENT)

    assert not put(changed, place, "new")

    assert changed == DOCUMENT


@given(st.lists(st.text(max_size=5), max_size=4))
def test_names_survive_being_a_pointer(names: list[str]) -> None:
    """Whatever they hold."""
    assert split(pointer(*names)) == tuple(names)


def test_a_pointer_begins_with_a_slash() -> None:
    """What does not is none."""
    with pytest.raises(PointerError):
        split("a/b")
