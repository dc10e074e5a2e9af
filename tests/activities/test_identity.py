"""Who voted: the matrix of tokens, at the real activities and the real ledger."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from remit.approval.tokens import key_id
from remit.canonical import JSONObject
from tests.activities.voting_desk import Office, an_office, ballot, tokened
from tests.approval.signing import NOW_S, document, key, line, write
from tests.enforcement.desk import RUN


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Gates at `pay` and `ship`, and a file that trusts anna, ben and the console."""
    file = write(tmp_path / "identity.yaml", document(ben=[line("ben")]))
    async with an_office(tmp_path, file) as opened:
        yield opened


async def test_a_proven_vote_counts_as_proven(office: Office) -> None:
    """Policy is told so, and the ledger names the key; the token is nowhere."""
    body = tokened(ballot())

    verdict = await office.vote(body)

    assert verdict.counted, verdict
    assert office.judge.seen[-1].vote is not None
    assert office.judge.seen[-1].vote.verified
    records = json.dumps(list(await office.ledger.records(RUN)))
    assert key_id(key().public_key()) in records
    stored = json.dumps([vote.body for vote in await office.ledger.votes("pay#1", RUN)])
    token = str(body["token"])
    assert not any(part in records + stored for part in (token, token.rpartition(".")[2]))


async def test_a_name_without_a_token_is_a_claim(office: Office) -> None:
    """It is judged as before; whether it counts is policy's."""
    verdict = await office.vote(ballot())

    assert verdict.counted
    assert office.judge.seen[-1].vote is not None
    assert not office.judge.seen[-1].vote.verified


STOLEN = {
    "of another gate": (tokened(ballot("ship")) | ballot(), "TOKEN-ACTION"),
    "of another run": (tokened(ballot(), root="elsewhere"), "TOKEN-RUN"),
    "of another verdict": (tokened(ballot(), "reject"), "TOKEN-MESSAGE"),
    "of another comment": (tokened(ballot(comment="no")) | {"comment": "yes"}, "TOKEN-MESSAGE"),
    "of another purpose": (tokened(ballot(), purpose="order"), "TOKEN-PURPOSE"),
    "of somebody else": (tokened(ballot(), key="ben"), "TOKEN-PERSON"),
    "in another's name": (tokened(ballot(), key="ben", person="anna@lab.example",
                                  issuer="ben@lab.example"), "TOKEN-SELF-ISSUED"),
    "as another issuer": (tokened(ballot(), key="ben", person="anna@lab.example",
                                  issuer="anna@lab.example"), "TOKEN-KEY-UNKNOWN"),
    "of a foreign domain": (tokened(ballot(by="eve@else.example"), key="console",
                                    person="eve@else.example", issuer="console"),
                            "TOKEN-SELF-ISSUED"),
    "of an unknown key": (tokened(ballot(by="carl@lab.example"), key="carl"), "TOKEN-KEY-UNKNOWN"),
    "expired": (tokened(ballot(), at_s=NOW_S - 3600), "TOKEN-EXPIRED"),
    "of tomorrow": (tokened(ballot(), at_s=NOW_S + 3600), "TOKEN-EARLY"),
    "empty": (ballot(token=""), "TOKEN-MALFORMED"),
    "null": (ballot(token=None), "TOKEN-MALFORMED"),
    "a megabyte": (ballot(token="x" * 1_000_000), "TOKEN-MALFORMED"),
}  # fmt: skip


@pytest.mark.parametrize("case", STOLEN)
async def test_a_false_token_is_refused_and_recorded(office: Office, case: str) -> None:
    """In every profile, without policy being asked; the vote stands refused, with its code."""
    body, code = STOLEN[case]

    verdict = await office.vote(body)

    assert (verdict.counted, verdict.code) == (False, code)
    (stands,) = await office.ledger.votes("pay#1", RUN)
    assert (stands.counted, stands.code) == (False, code)
    assert "token" not in stands.body
    assert office.judge.seen == []


async def test_a_token_expires_to_the_millisecond(office: Office) -> None:
    """30 s beyond its end it still counts; a millisecond later it does not."""
    office.at_s = NOW_S + 300 + 30
    assert (await office.vote(tokened(ballot()))).counted

    office.at_s += 0.001
    late = await office.vote(tokened(ballot("ship")))

    assert late.code == "TOKEN-EXPIRED"


async def test_a_token_counts_once(office: Office) -> None:
    """Sent again by another message it is refused; the same message again is the same vote."""
    body = tokened(ballot("pay"), "reject", nonce="n" * 32)
    other = tokened(ballot("ship"), "reject", nonce="n" * 32)

    first = await office.vote(body, "reject", event="update:1")
    again = await office.vote(body, "reject", event="update:1")
    replayed = await office.vote(other, "reject", event="update:2")

    assert first.counted
    assert again.counted
    assert (replayed.counted, replayed.code) == (False, "TOKEN-REPLAYED")
    assert [gate.state for gate in await office.ledger.gates(RUN)] == ["rejected", "open"]


async def test_a_no_without_a_digest_is_for_its_gate_too(office: Office) -> None:
    """Its token names the action that stands there, so it is none for the step's next gate."""
    body: JSONObject = {"step": "ship", "by": "anna@lab.example"}
    (gate,) = [one for one in await office.ledger.gates(RUN) if one.id == "ship#1"]

    stolen = await office.vote(tokened(body, "reject", action="sha256:other"), "reject")
    taken = await office.vote(tokened(body, "reject", action=gate.proposed_digest), "reject")

    assert stolen.code == "TOKEN-ACTION"
    assert taken.counted


async def test_the_console_speaks_for_its_people(office: Office) -> None:
    """For whom the file lists, with votes; not with orders, which it was not trusted with."""
    given = {"key": "console", "person": "zoe@lab.example", "issuer": "console"}

    voted = await office.vote(tokened(ballot(by="zoe@lab.example"), **given))
    ordered = await office.order(
        tokened({"by": "zoe@lab.example", "reason": "r"}, "hold", purpose="order", **given)
    )

    assert voted.counted
    assert (ordered.taken, ordered.code) == (False, "TOKEN-PURPOSE")


async def test_a_key_is_changed_and_revoked_while_a_gate_waits(office: Office) -> None:
    """The file is read again: the old key stops, the new one goes, and half a file stops all."""
    people = {"ben": [line("ben-new")]}
    write(office.file, document(**people))
    old = await office.vote(tokened(ballot(by="ben@lab.example"), key="ben"))
    new = await office.vote(
        tokened(ballot(by="ben@lab.example"), key="ben-new", person="ben@lab.example",
                issuer="ben@lab.example")
    )  # fmt: skip
    write(office.file, document() | {"revoked": [key_id(key().public_key())]})
    revoked = await office.vote(tokened(ballot()))
    office.file.write_text('{"schema": "remit.identity/v1", "people":')
    broken = await office.vote(tokened(ballot()))
    office.file.unlink()
    absent = await office.vote(tokened(ballot()))
    write(office.file, document())
    back = await office.vote(tokened(ballot()))

    codes = [one.code for one in (old, new, revoked, broken, absent, back)]
    assert codes == [
        "TOKEN-KEY-UNKNOWN", "", "TOKEN-KEY-REVOKED", "TOKEN-UNTRUSTED", "TOKEN-UNTRUSTED", ""
    ]  # fmt: skip


async def test_an_order_is_proven_alike(office: Office) -> None:
    """Policy hears that it is; its token counts once, and none of a vote is one of an order."""
    body: JSONObject = {"by": "anna@lab.example", "reason": "look"}
    good = tokened(body, "hold", purpose="order", nonce="o" * 32)

    taken = await office.order(good)
    seen = office.judge.seen[-1].order
    replayed = await office.order(
        tokened(body, "resume", purpose="order", nonce="o" * 32), "resume"
    )
    other = await office.order(good, "rollback")

    assert taken.taken
    assert seen is not None
    assert seen.verified
    assert [replayed.code, other.code] == ["TOKEN-REPLAYED", "TOKEN-MESSAGE"]
    records = await office.ledger.records(RUN)
    orders = [record["body"] for record in records if record["kind"] == "order"]
    effects = [order["decision"]["effect"] for order in orders]
    assert effects == ["allow", "deny", "deny"]
    assert "token" not in json.dumps(orders)


async def test_a_token_used_by_two_at_once_counts_once(office: Office) -> None:
    """Two activities with one nonce, side by side: one of the votes counts."""
    bodies = [tokened(ballot(step), nonce="s" * 32) for step in ("pay", "ship")]

    verdicts = await asyncio.gather(*[office.vote(body) for body in bodies])

    assert sorted(verdict.code for verdict in verdicts) == ["", "TOKEN-REPLAYED"]
