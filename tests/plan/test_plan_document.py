"""Reading a plan's text: JSON and YAML give the same value, and what is doubtful is refused."""

import json

import pytest

from remit.canonical import JSON
from remit.diagnostic import InvalidDocumentError
from remit.plan.document import read_document
from tests.plan.compiling import PURCHASE


def refused(text: bytes, name: str = "plan.json") -> str:
    """Return the code with which `text` is refused."""
    with pytest.raises(InvalidDocumentError) as caught:
        read_document(text, name)
    (found,) = caught.value.diagnostics
    return found.code


def test_json_and_yaml_say_the_same() -> None:
    """A plan written in YAML is the plan written in JSON."""
    text = json.dumps(PURCHASE)

    assert read_document(text.encode(), "p.json") == PURCHASE
    assert read_document(text.encode(), "p.yaml") == PURCHASE


def test_yaml_reads_scalars_as_json_does() -> None:
    """Numbers, booleans and null are JSON's; dates, `yes`, octals and versions are texts."""
    text = b"{a: 1, b: 2.5, c: true, d: null, e: 2024-01-01, f: yes, g: 0o7, h: 1.0.0, i: '1', j: }"

    assert read_document(text, "p.yml") == {
        "a": 1,
        "b": 2.5,
        "c": True,
        "d": None,
        "e": "2024-01-01",
        "f": "yes",
        "g": "0o7",
        "h": "1.0.0",
        "i": "1",
        "j": None,
    }


def test_a_byte_order_mark_is_no_part_of_the_plan() -> None:
    """Editors on some systems begin a file with one."""
    assert read_document(b"\xef\xbb\xbf{}", "p.json") == {}


@pytest.mark.parametrize(
    ("text", "name", "code"),
    [
        (b'{"a": 1,}', "p.json", "PLAN-NOT-JSON"),
        (b"", "p.json", "PLAN-NOT-JSON"),
        (b"\xff\xfe", "p.json", "PLAN-NOT-JSON"),
        (b'{"a": NaN}', "p.json", "PLAN-NUMBER"),
        (b'{"a": ' + b"9" * 5000 + b"}", "p.json", "PLAN-NUMBER"),
        (b'{"a": 1, "a": 2}', "p.json", "PLAN-DUPLICATE-KEY"),
        (b'{"a": {"b": 1, "b": 1}}', "p.json", "PLAN-DUPLICATE-KEY"),
        (b"[" * 200_000, "p.json", "PLAN-TOO-DEEP"),
        (b" " * (1024 * 1024 + 1), "p.json", "PLAN-TOO-LARGE"),
        (b"a: 1\na: 2\n", "p.yaml", "PLAN-DUPLICATE-KEY"),
        (b"a: &x [1]\nb: *x\n", "p.yaml", "PLAN-NOT-JSON"),
        (b"a: !!python/object:os.system {}\n", "p.yaml", "PLAN-NOT-JSON"),
        (b"a: !!str 5\n", "p.yaml", "PLAN-NOT-JSON"),
        (b"a: {<<: {b: 1}}\n", "p.yaml", "PLAN-NOT-JSON"),
        (b"? [1]\n: 2\n", "p.yaml", "PLAN-NOT-JSON"),
        (b"a: 1\n---\nb: 2\n", "p.yaml", "PLAN-NOT-JSON"),
        (b"a: [1\n", "p.yaml", "PLAN-NOT-JSON"),
        (b"a: 1\x00", "p.yaml", "PLAN-NOT-JSON"),
        (b"[" * 20_000, "p.yaml", "PLAN-TOO-DEEP"),
        (b"a: " + b"9" * 5000, "p.yaml", "PLAN-NUMBER"),
    ],
)
def test_a_doubtful_text_is_refused_with_a_code(text: bytes, name: str, code: str) -> None:
    """Nothing is guessed, and nothing unfolds."""
    assert refused(text, name) == code


def test_a_yaml_bomb_is_refused_at_its_first_alias() -> None:
    """Nine lines that would unfold into gigabytes are refused without unfolding."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]

    assert refused("\n".join(lines).encode(), "p.yaml") == "PLAN-NOT-JSON"


def test_an_empty_yaml_file_is_null() -> None:
    """The compiler then says what a plan is."""
    value: JSON = read_document(b"", "p.yaml")

    assert value is None
