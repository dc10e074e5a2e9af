"""Seals, forms, differences, words and settings of the console, without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from remit.canonical import JSONObject
from remit.console.app import addresses_of
from remit.console.differences import Difference, differences
from remit.console.fields import form_of, is_hidden, read_form
from remit.console.seal import Seal
from remit.console.signing import Binding, Unsigned, signed
from remit.console.standing import stand_of
from remit.console.table import ConsoleTable, is_loopback
from remit.console.words import clean, duration, money, spoken, titled, until
from remit.ledger.entries import Turn
from tests.stores.ledger_values import gate, vote

KEY = b"k" * 32
ISSUER = {"issuer": "https://login.example", "client_id": "remit"}


@given(st.text(max_size=50), st.text(max_size=20))
def test_a_seal_opens_what_it_closed(text: str, purpose: str) -> None:
    """For its purpose, with its key, while it lasts, unaltered; else for nobody."""
    now = [1000.0]
    seal = Seal(KEY, lambda: now[0])
    closed = seal.close(purpose, {"text": text}, 10)

    assert seal.open(purpose, closed) == {"text": text}
    assert seal.open(f"{purpose}x", closed) is None
    assert Seal(b"o" * 32, lambda: now[0]).open(purpose, closed) is None
    now[0] += 10
    assert seal.open(purpose, closed) is None


@given(st.integers(0, 200), st.characters())
def test_a_seal_with_one_other_sign_opens_nothing(at: int, sign: str) -> None:
    """Any single changed character fails."""
    seal = Seal(KEY, lambda: 1000.0)
    closed = seal.close("session", {"name": "ann"}, 10)
    at %= len(closed)
    altered = closed[:at] + sign + closed[at + 1 :]

    assert (seal.open("session", altered) is None) == (altered != closed)


def test_a_short_key_is_none() -> None:
    """A key that could be guessed is refused."""
    with pytest.raises(ValueError, match="32 bytes"):
        Seal(b"short")


SCHEMA: JSONObject = {
    "type": "object",
    "required": ["name", "count"],
    "properties": {
        "name": {"type": "string"},
        "count": {"type": "integer"},
        "price_micros": {"type": "integer"},
        "rate": {"type": "number"},
        "fast": {"type": "boolean"},
        "size": {"enum": ["s", "m"]},
        "lines": {"type": "array"},
    },
}
PROPOSED: JSONObject = {
    "name": "a",
    "count": 3,
    "price_micros": -1_250_000,
    "rate": 0.5,
    "fast": True,
    "size": "m",
    "lines": [{"x": 1}],
    "extra": None,
}


def test_a_form_sent_back_untouched_gives_the_proposal() -> None:
    """Every kind of field writes a value so that it is read as the same value."""
    form = form_of(SCHEMA, PROPOSED, PROPOSED)

    assert [field.kind for field in form.fields] == [
        *("text", "integer", "money", "number", "flag", "choice", "json", "json")
    ]
    filled = {field.name: field.value for field in form.fields}
    assert read_form(form, filled, PROPOSED) == (PROPOSED, {})


@given(st.dictionaries(st.sampled_from(sorted(PROPOSED)), st.text(max_size=30)))
def test_whatever_is_typed_is_read_or_refused_by_field(filled: dict[str, str]) -> None:
    """No text breaks the reader; what it takes has the kind that the schema wants."""
    made, wrong = read_form(form_of(SCHEMA, PROPOSED, PROPOSED), filled, PROPOSED)

    assert not made.keys() & wrong.keys()
    assert isinstance(made.get("count", 0), int)
    assert isinstance(made.get("price_micros", 0), int)
    assert isinstance(made.get("fast", True), bool)
    assert made.get("size", "s") in ("s", "m")


def test_what_approvers_do_not_see_stays() -> None:
    """Hidden, classed, cut or left out of the card: no field, and kept as proposed."""
    proposed: JSONObject = {
        "name": "long",
        "count": 1,
        "password": "p",
        "iban": "DE1",
        "deep": {"a": {"token": "t"}},
        "unseen": 1,
    }
    shown: JSONObject = {
        "name": "lo…",
        "count": 1,
        "password": "[hidden]",
        "iban": "[pii, secret]",
        "deep": {"a": {"token": "[hidden]"}},
    }

    form = form_of(SCHEMA, proposed, shown)
    made, _ = read_form(form, {"count": "2", "password": "mine", "unseen": "2"}, proposed)

    assert set(form.kept) == {"name", "password", "iban", "deep", "unseen"}
    assert made == {**proposed, "count": 2}
    assert not is_hidden("[hiddenness]")


def test_differences_go_member_by_member() -> None:
    """Changed, added, removed; inside objects and lists of objects; the same is left out."""
    before: JSONObject = {"a": 1, "b": {"c": [1, 2]}, "d": [{"e": 1}], "gone": None, "same": "x"}
    after: JSONObject = {"a": "1", "b": {"c": [1]}, "d": [{"e": 2}], "new": True, "same": "x"}

    assert differences(before, after) == [
        Difference("a", "1", "1", "changed"),
        Difference("b.c", "[1,2]", "[1]", "changed"),
        Difference("d[0].e", "1", "2", "changed"),
        Difference("gone", "nothing", "", "removed"),
        Difference("new", "", "yes", "added"),
    ]


def test_words_for_people() -> None:
    """Times in two units, money with its cents, names as words, signs spelt out."""
    assert [duration(ms) for ms in (-1, 59_999, 60_000, 3_600_000, 5_400_000, 90_000_000)] == [
        *("0 s", "59 s", "1 min", "1 h", "1 h 30 min", "1 d 1 h")
    ]
    assert (until(10_000, 0), until(0, 10_000)) == ("in 10 s", "10 s ago")
    assert money(4_200_000_000, "EUR") == "4,200.00 EUR"
    assert money(-1) == "-0.000001"
    assert spoken("erp.place_order@1") == "place order"
    assert titled("mail.send@1") == "Send (mail)"
    assert clean("a\u202eb\nc") == "a\\u202eb\nc"


def test_how_a_gate_stands_is_told() -> None:
    """Escalation adds roles; claims, handing over and approvals are named."""
    chain = (Turn("committee", gate().opened_ms + 10), Turn("board", gate().opened_ms + 99))
    asked = gate(quorum=2)
    asked = type(asked)(**{**{n: getattr(asked, n) for n in asked.__slots__}, "then": chain})
    votes = [vote("a", "ann"), vote("b", "bob", counted=False), vote("c", "cay", verdict="claim")]

    stand = stand_of(asked, votes, asked.opened_ms + 20)

    assert (stand.role, stand.roles) == ("committee", ("budget_holder", "committee"))
    assert [level.is_reached for level in stand.levels] == [True, True, False]
    assert (stand.ayes, stand.missing, stand.is_open) == (("ann",), 1, True)
    assert not stand_of(asked, votes, asked.expires_ms).is_open


def test_without_a_login_it_listens_here_alone() -> None:
    """Names are claims: nobody elsewhere may type one."""
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        assert ConsoleTable(host=host).host == host
    for host in ("0.0.0.0", "::", "192.168.1.5", "c.example", "127.0.0.1.evil.example"):  # noqa: S104
        with pytest.raises(ValidationError, match="loopback"):
            ConsoleTable(host=host)
    assert not is_loopback("")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "base_url"),
        ({"base_url": "http://console.example"}, "https"),
        ({"base_url": "https://c.example", "oidc": {**ISSUER, "issuer": "http://a.b"}}, "issuer"),
        ({"base_url": "https://c.example", "oidc": {**ISSUER, "secret": "x"}}, "secret"),
    ],
)
def test_a_login_needs_a_safe_way(changes: JSONObject, told: str) -> None:
    """By https, unless all of it is on this machine; and no secret stands in the settings."""
    given = {"host": "0.0.0.0", "oidc": ISSUER, **changes}  # noqa: S104
    with pytest.raises(ValidationError, match=told):
        ConsoleTable.model_validate(given)

    fine = ConsoleTable.model_validate({**given, "oidc": ISSUER, "base_url": "https://c.example"})
    assert fine.is_secure


def test_under_which_names_it_answers() -> None:
    """The one it was given; on loopback also the other name of the same place."""
    assert addresses_of("http://127.0.0.1:80") == [
        *("http://127.0.0.1", "http://127.0.0.1:80", "http://localhost:80")
    ]
    assert addresses_of("https://Console.example/") == ["https://console.example"]


def test_nobody_vouches_in_light() -> None:
    """Without a key the message travels as it is."""
    binding = Binding("root", "approve", {"step": "a"}, "ann", False)

    assert signed(Unsigned(), binding) == {"step": "a"}
