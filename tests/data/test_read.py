"""What a further reader found in texts, joined with what the default detector finds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import JSON
from remit.data.detector import MASK, MaskError, detect, masked, texts
from remit.data.findings import Match, joined

NAME, SENTENCE = "Ada Lovelace", "Write to Ada Lovelace, ada@acme.example"
READ = {SENTENCE: (Match(9, 21, "person", 85), Match(9, 12, "location", 30)), NAME: ()}
VALUE: JSON = {"note": SENTENCE, "Ada Lovelace": NAME, "gone": MASK, "number": 7}


def test_its_findings_are_joined_by_place() -> None:
    """With the default's; what it is not sure of is told, and does not count."""
    found = detect(VALUE, read=READ)

    assert [(one.at, one.data_class, one.confidence) for one in found.findings] == [
        ("/note", "email", 95),
        ("/note", "location", 30),
        ("/note", "person", 85),
    ]
    assert (found.classes, found.is_whole) == (["email", "person"], True)
    assert joined(found.classes) == {"email", "person", "pii"}


def test_it_is_given_every_text_once_and_no_name_of_a_member() -> None:
    """Nor what was taken out before."""
    assert sorted(texts([VALUE, VALUE, SENTENCE])) == [NAME, SENTENCE]


def test_a_text_that_it_has_not_read_is_not_looked_through() -> None:
    """What the default finds there is told all the same; without a reader nothing is missing."""
    found = detect(VALUE, read={})

    assert (found.classes, found.is_whole) == (["email"], False)
    assert detect(VALUE).is_whole


def test_what_it_found_is_taken_out() -> None:
    """The rest of the text stays; where places overlap all of it goes."""
    overlapping = {
        "to Ada Lovelace-King!": (Match(3, 15, "person", 85), Match(7, 20, "person", 60))
    }

    assert masked(SENTENCE, ["person"], READ) == (f"Write to {MASK}, ada@acme.example", [""])
    assert masked(SENTENCE, ["person", "email"], READ) == (f"Write to {MASK}, {MASK}", [""])
    assert masked(next(iter(overlapping)), ["person"], overlapping) == (f"to {MASK}!", [""])


def test_from_a_text_that_was_not_read_nothing_can_be_taken_out() -> None:
    """Not even what the default finds: the rest may hold more of it."""
    with pytest.raises(MaskError, match="did not read"):
        masked({"a": SENTENCE}, ["email"], {})


VALUES: Any = st.recursive(
    st.text(max_size=20) | st.sampled_from([SENTENCE, "DE89 3704 0044 0532 0130 00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(value=VALUES, is_read=st.booleans())
def test_a_reader_adds_and_never_takes_away(value: JSON, is_read: bool) -> None:
    """Every finding of the default stands, and unread is never whole."""
    read = {text: (Match(0, 1, "person", 85),) for text in texts(value)} if is_read else {}
    alone, both = detect(value), detect(value, read=read)

    assert {(one.at, one.data_class) for one in alone.findings} <= {
        (one.at, one.data_class) for one in both.findings
    }
    assert both.is_whole == (is_read or not texts(value))
