"""The default detector: what it finds, what it leaves alone, and that nothing holds it up."""

import json
import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import JSON
from remit.data.detector import MASK, MaskError, detect, listed, masked
from remit.data.findings import CLASSES, MOST_LISTED, joined
from remit.data.quality import POOR, STALE
from remit.decision.decision import DetectedClass
from remit.ledger.entries import WITHHELD

CARD = "4111 1111 1111 1111"
IBAN = "DE89 3704 0044 0532 0130 00"


@pytest.mark.parametrize(
    ("text", "data_class"),
    [
        ("write to jo.doe+x@mail.acme.example today", "email"),
        ("mailto:jürgen@büro.example", "email"),
        ("call +49 30 1234567", "phone"),
        ("call (030) 1234 5678 now", "phone"),
        ("call 0171-2345678", "phone"),
        ("ring 0049 171 2345678", "phone"),
        (f"to {IBAN}, please", "iban"),
        ("GB82WEST12345698765432", "iban"),
        ("fr1420041010050500013m02606", "iban"),
        (f"card {CARD}, 12/27", "payment_card"),
        ("378282246310005", "payment_card"),
        ("no. 5555-5555-5555-4444.", "payment_card"),
        ("SSN 219-09-9999", "national_id"),
        ("AVS 756.9217.0769.85", "national_id"),
        ("DNI 12345678Z", "national_id"),
        ("NIE X1234567L", "national_id"),
        ("CF RSSMRA85T10A562S", "national_id"),
        ("CPF 529.982.247-25", "national_id"),
        ("NN 85.07.30-033.28", "national_id"),
        ("IdNr 65929970489", "national_id"),
        ("PESEL 44051401359", "national_id"),
        ("NIR 2 69 05 49 588 157 80", "national_id"),
        ("NI AB 12 34 56 C", "national_id"),
        ("from 8.8.8.8 at noon", "ip_address"),
        ("from 2001:4860:4860::8888", "ip_address"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII", "secret"),
        ("key AKIAIOSFODNN7EXAMPLE", "secret"),
        ("ghp_" + "a1" * 18, "secret"),
        ("postgres://app:hunter22@db.acme.example/x", "secret"),
        ("password=hunter2xyz", "secret"),
        ("Authorization: Bearer abcdef0123456789xyz", "secret"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "secret"),
        ("STRICTLY CONFIDENTIAL: we buy them", "marking"),
        ("(TLP:AMBER) they were here", "marking"),
        ("Streng: VS-NfD", "marking"),
    ],
)
def test_what_is_found(text: str, data_class: str) -> None:
    """Each class in the forms in which people write it, inside of a text."""
    assert data_class in detect(text).classes


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "DE89 3704 0044 0532 0130 01",
        "2026-11-22T07:35:05Z",
        "2026-11-22 07:35",
        "01.02.2026 10",
        "0.123456789012",
        "order-20261122001",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "version 1.22.0, build 10.0.0.1",
        "in strictly confidential talks, CLIENT_SECRET is set",
        "the secret ingredient is patience",
        "password: required",
        "user@host",
        "10:30:00",
        "219-09-99991",
        "12345678A",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    """Numbers with a wrong check digit, dates, versions, digests and words are none of it."""
    assert detect(text).classes == []


def test_places_are_told_and_values_are_not() -> None:
    """Pointers into lists and objects; a member's name that holds something is never repeated."""
    found = detect(
        {
            "a/b": [{"mail": "jo@acme.example"}],
            "card": 4111111111111111,
            "people": {"jo@acme.example": {"phone": "+49 30 1234567"}},
        }
    )

    told = [(one.at, one.data_class) for one in found.findings]
    assert told == [
        ("/a~1b/0/mail", "email"),
        ("/card", "payment_card"),
        ("/people", "email"),
        ("/people", "phone"),
    ]
    assert "acme" not in repr(found)


@pytest.mark.parametrize(
    "reference",
    ["env:MAIL_PASSWORD", "file:mail", "keyring:mail/us", "vault:kv/mail#it", "oauth:mail"],
)
def test_where_a_secret_is_kept_is_none(reference: str) -> None:
    """Whatever it is kept in: a reference says nothing of it."""
    assert detect({"password": reference}) == detect({})


def test_a_member_that_is_called_a_secret_holds_one() -> None:
    """Unless it refers to one, or is too short to be one."""
    assert detect({"password": "correct horse"}).classes == ["secret"]
    assert detect({"password": "env:MAIL_PASSWORD", "secret": "no", "page_token": "abcdefgh"}) == (
        detect({})
    )


def test_only_what_is_sure_counts_as_there() -> None:
    """An address of one's own network is told, and is no class of the call."""
    found = detect("host 192.168.1.7")

    assert [(one.data_class, one.confidence) for one in found.findings] == [("ip_address", 30)]
    assert found.classes == []


def test_the_surest_are_listed_and_every_class_is_told() -> None:
    """Of very many findings some are listed, and none is lost."""
    found = detect([f"p{n}@acme.example" for n in range(200)] + ["10.0.0.9", IBAN])

    assert (len(found.findings), len(listed(found))) == (202, MOST_LISTED)
    assert found.classes == ["email", "iban"]


def test_classes_bring_the_data_class_that_they_belong_to() -> None:
    """Rules about personal data see an address; secrets are no personal data."""
    assert joined(["email"]) == {"email", "pii"}
    assert joined(["secret"]) == {"secret"}
    assert {"pii", "secret"} <= joined(CLASSES)


def test_a_text_keeps_what_was_not_found_in_it() -> None:
    """Places are those of the value; other classes stay."""
    value: JSON = {"note": f"pay {IBAN} or {CARD} (jo@acme.example)", "n": 4111111111111111}

    left, places = masked(value, ["payment_card", "iban"])

    assert left == {"note": f"pay {MASK} or {MASK} (jo@acme.example)", "n": MASK}
    assert places == ["/n", "/note"]


def test_a_marked_text_goes_as_a_whole() -> None:
    """Without its mark it would only look harmless."""
    assert masked({"a": "NATO SECRET. They move at dawn.", "b": "x"}, ["marking"]) == (
        {"a": MASK, "b": "x"},
        ["/a"],
    )
    assert joined(["marking"]) == {"marking", "confidential"}


def test_what_policy_can_name_is_what_the_detector_can_tell() -> None:
    """So do the codes by which the ledger knows an answer in quarantine."""
    assert get_args(DetectedClass) == CLASSES
    assert WITHHELD[::-1] == (STALE, POOR)


def test_a_name_takes_its_object_along() -> None:
    """A name cannot be masked in its place; at the top there is no object around it."""
    people: JSON = {"people": {"jo@acme.example": 1, "x": "y"}, "other": [CARD]}

    assert masked(people, ["email"]) == ({"people": MASK, "other": [CARD]}, ["/people"])
    with pytest.raises(MaskError):
        masked({"jo@acme.example": 1}, ["email"])


def test_what_is_masked_is_not_found_again() -> None:
    """Of everything that can be found."""
    value: JSON = [CARD, IBAN, "jo@acme.example", "password=hunter2xyz", {"password": "abcdefgh1"}]

    left, _ = masked(value, CLASSES)

    assert detect(left).findings == ()


TEXTS = st.recursive(
    st.text(max_size=40) | st.integers() | st.none() | st.booleans() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=20,
)


@given(TEXTS)
def test_any_value_is_looked_through(value: JSON) -> None:
    """Twice with the same answer, every place there, and nothing left of what is masked."""
    found = detect(value)

    assert detect(json.loads(json.dumps(value))) == found
    assert found.is_whole
    try:
        left, _ = masked(value, CLASSES)
    except MaskError:
        return
    assert set(detect(left).classes) <= set(found.classes)


HOSTILE = [
    *("@", "a@", "a@a.", "1 ", "4111 ", "0", "eyJ", "eyJa.", "AA11", "DE11", "://a:", "::", "1."),
    *("password=", "sk-", "ghp_a", "+1 ", "(((", "bearer 1", "AB1", "a.", "a-", "1(", "A1", "-1-"),
]


def test_texts_made_to_hold_it_up_do_not() -> None:
    """A text four times as long takes no more than some times as long, whatever it repeats."""
    for part in HOSTILE:
        short, long = ((part * size)[:size] for size in (4_000, 16_000))
        took = min(_seconds(short) for _ in range(3)), min(_seconds(long) for _ in range(3))
        assert took[1] < 16 * took[0] + 0.05, (part, took)


def _seconds(text: str) -> float:
    begun = time.process_time()
    detect(text)
    return time.process_time() - begun


def test_too_many_candidates_are_told_and_not_passed_over() -> None:
    """What could not be looked through is not clean, and cannot be masked."""
    crowded = "a@b " * 120_000

    assert not detect(crowded).is_whole
    with pytest.raises(MaskError):
        masked(crowded, ["email"])


def test_a_deep_value_is_looked_through() -> None:
    """Depth is no way around it."""
    value: JSON = CARD
    for _ in range(5_000):
        value = [value]

    assert detect(value).classes == ["payment_card"]
