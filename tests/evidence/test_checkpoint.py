"""Signed tree heads: what is signed is what is read, by a known key, within its sizes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.evidence.checkpoint import (
    Checkpoint,
    CheckpointError,
    PublicKey,
    SigningKey,
    open_note,
    parse_keys,
)
from tests.effort import examples

KEY = SigningKey("remit.example/ledger", bytes(range(32)))
OTHER = SigningKey("remit.example/ledger", bytes(32))
HEAD = Checkpoint("remit.example/ledger", 1234, bytes(range(32, 64)))


def code_of(note: bytes, *keys: PublicKey) -> str:
    """Return the code with which a note is refused."""
    with pytest.raises(CheckpointError) as refused:
        open_note(note, keys)
    return refused.value.code


def test_a_signed_head_is_read_again() -> None:
    """The note is the C2SP text, and its key's own text leads back to the key."""
    note = KEY.sign(HEAD)

    assert open_note(note, parse_keys(KEY.public.text)) == HEAD
    assert note.decode().split("\n")[:4] == [
        "remit.example/ledger",
        "1234",
        "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",
        "",
    ]
    assert SigningKey.parse(KEY.text).sign(HEAD) == note


def test_the_text_of_a_key_is_that_of_the_note_format() -> None:
    """The example of the signed-note specification's reference implementation is read."""
    (key,) = parse_keys("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")

    assert (key.name, key.key_id.hex()) == ("PeterNeumann", "c74f20a3")


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(max_examples=examples(150), deadline=None)
def test_no_altered_bit_passes(at: int, bit: int) -> None:
    """Whatever bit of a note is altered, it is refused."""
    note = bytearray(KEY.sign(HEAD))
    note[at % len(note)] ^= 1 << bit

    with pytest.raises(CheckpointError):
        open_note(bytes(note), [KEY.public])


def test_only_known_keys_count() -> None:
    """A note that another key signed, or a key under another name, is not ours."""
    renamed = SigningKey("elsewhere.example", bytes(range(32)))

    assert code_of(OTHER.sign(HEAD), KEY.public) == "EVIDENCE-SIGNATURE"
    assert code_of(KEY.sign(HEAD), renamed.public) == "EVIDENCE-SIGNATURE"
    assert code_of(KEY.sign(HEAD)) == "EVIDENCE-SIGNATURE"


def test_a_witness_may_sign_too() -> None:
    """A signature by a key that nobody asked about changes nothing."""
    both = KEY.sign(HEAD) + OTHER.sign(HEAD).split(b"\n\n")[1]

    assert open_note(both, [KEY.public]) == HEAD
    assert open_note(both, [OTHER.public]) == HEAD


def test_a_key_signs_within_its_sizes() -> None:
    """After a rotation the old key signs no larger tree, and the new one no smaller."""
    ring = parse_keys(f"# two\n{OTHER.public.text} 0 1000\n\n{KEY.public.text} 1001\n")

    assert open_note(KEY.sign(HEAD), ring) == HEAD
    assert code_of(OTHER.sign(HEAD), *ring) == "EVIDENCE-KEY"
    early = replace(HEAD, size=1000)
    assert open_note(OTHER.sign(early), ring) == early
    assert code_of(KEY.sign(early), *ring) == "EVIDENCE-KEY"


@pytest.mark.parametrize(
    "text",
    ["", "name", "a b+00000000+AA==", KEY.text, KEY.public.text + " 5 4 3", "x+c74f20a3+AQ=="],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    """A key file with anything but public keys says so, and repeats no private key."""
    if not text:
        assert parse_keys(text) == []
        return
    with pytest.raises(CheckpointError) as refused:
        parse_keys(text)

    assert refused.value.code == "EVIDENCE-KEY"
    assert KEY.text not in str(refused.value)


def test_a_gigantic_note_is_not_read() -> None:
    """A note beyond its bound is refused before it is looked at."""
    assert code_of(KEY.sign(HEAD) + b"x" * 20_000, KEY.public) == "EVIDENCE-TOO-LARGE"
