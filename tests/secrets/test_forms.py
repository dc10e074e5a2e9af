"""The shapes in which a secret comes back: every one of them is known."""

import base64
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from remit.secrets.secrets import MASK, Secrets


def _masked(value: str, text: str) -> str:
    secrets = Secrets({"S": value}, Path())
    assert secrets.resolve("env:S") == value
    return secrets.mask(text)


@given(
    value=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=10, max_size=40),
    before=st.binary(max_size=7),
    after=st.binary(max_size=7),
)
def test_nothing_of_a_secret_is_left(value: str, before: bytes, after: bytes) -> None:
    """Plain, percent-encoded, escaped, in hexadecimal, and wherever Base64 may have cut it."""
    assume(value.split(":")[0] not in ("env", "file", "keyring", "vault") and "${" not in value)
    data = value.encode()
    inside = before + data + after
    for text in (
        f"<{value}>",
        quote(value, safe=""),
        quote_plus(value),
        json.dumps({"x": value}),
        json.dumps(json.dumps(value)),
        data.hex(),
        inside.hex().upper(),
        base64.b64encode(data).decode(),
        base64.b64encode(inside).decode(),
        base64.urlsafe_b64encode(inside).decode(),
    ):
        assert MASK in _masked(value, text), text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Bearer abcdefgh1234", "the token abcdefgh1234 is bad"),
        ("Basic " + base64.b64encode(b"me:hunter2-hunter2").decode(), "user me:hunter2-hunter2"),
        ("Basic " + base64.b64encode(b"me:hunter2-hunter2").decode(), "password hunter2-hunter2"),
        ("a/b+c d?e=f&g", "a%2fb%2bc%20d%3fe%3df%26g"),
    ],
)
def test_parts_of_a_secret_are_secret(value: str, text: str) -> None:
    """A tool may repeat the token without its scheme, or what Base64 hides."""
    assert MASK in _masked(value, text)


def test_numbers_and_names_are_masked_in_json() -> None:
    """A code of digits may come back as a number."""
    secrets = Secrets({"S": "48151623"}, Path())
    secrets.resolve("env:S")

    masked = secrets.mask_json({"code": 48151623, "48151623": [True, None, 1.5], "other": 4815162})

    assert masked == {"code": MASK, MASK: [True, None, 1.5], "other": 4815162}
