"""Strict reading of JSON and YAML."""

import pytest

from remit.canonical import JSON
from remit.tool.document import DocumentError, parse_json, parse_yaml


def test_yaml_follows_the_core_schema_of_1_2() -> None:
    """What looks like a country, a date or a time is text; numbers and words are what they say."""
    text = "a: no\nb: 2026-11-01\nc: 1:30\nd: 010\ne: 1e3\nf: ~\ng: 'true'\nh: [true, -1, .5]\n"

    assert parse_yaml(text) == [
        {
            "a": "no",
            "b": "2026-11-01",
            "c": "1:30",
            "d": 10,
            "e": 1000.0,
            "f": None,
            "g": "true",
            "h": [True, -1, 0.5],
        }
    ]


def test_yaml_may_hold_several_documents() -> None:
    """Documents come in order; JSON is YAML; nothing is no document."""
    assert parse_yaml('---\na: 1\n---\n{"b": [2]}\n') == [{"a": 1}, {"b": [2]}]
    assert parse_yaml("") == []


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x",
        "a: 1\na: 2",
        "1: 2",
        "a: !!python/object/apply:os.getcwd []",
        "a: !mine b",
        "<<: {a: 1}",
        "[" * 500 + "]" * 500,
        "a: [",
        "a: 9007199254740993",
        b"a: \xff",
    ],
)
def test_yaml_refuses(text: str | bytes) -> None:
    """Aliases, doubled names, odd keys, tags and depth are refused, not interpreted."""
    with pytest.raises(DocumentError):
        parse_yaml(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        "[NaN]",
        "[-Infinity]",
        "[1e999]",
        "[" * 500 + "]" * 500,
        "[" * 100_000,
        "[1] 2",
        "",
        "[9007199254740993]",
        "1" * 5000,
        '"\\ud800"',
        b"\xff",
    ],
)
def test_json_refuses(text: str | bytes) -> None:
    """What other readers would read differently is refused."""
    with pytest.raises(DocumentError):
        parse_json(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}), ('"\\ud83d\\ude00"', "😀")],
)
def test_json(text: str, value: JSON) -> None:
    """Ordinary JSON is what it says."""
    assert parse_json(text) == value
    assert parse_json(text.encode()) == value
