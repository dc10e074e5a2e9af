"""Gates and votes as rows.

What makes a vote good is the business of `remit.approval`, and so is what votes make of a gate.
This room sees to it that a vote is recorded once, that none counts behind the end of its gate, and
that the end is written together with the vote that brings it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import and_, bindparam, select

from remit.approval.ballot import Standing, standing
from remit.canonical import JSON, JSONObject
from remit.ledger import rules
from remit.ledger.entries import GRANTS, Content, GateRow, Record, Turn, VoteRow
from remit.ledger.proofs import REPLAYED, is_proven
from remit.plan.path import StepKey
from remit.stores.chain import Chain
from remit.stores.contents import about as about_content
from remit.stores.contents import find_object, store_contents
from remit.stores.inserting import insert_new
from remit.stores.nonces import use
from remit.stores.schema import gates, records, votes
from remit.stores.statements import Row, Value, whole
from remit.stores.transaction import Question, Transaction

_make_gate: Callable[..., GateRow] = GateRow
REFUSED_LIMIT = 100
"""Refused votes recorded per gate; further ones are only counted."""

_COLUMNS = (
    *("gate", "root", "step_key", "number", "code", "role", "quorum"),
    *("request_digest", "proposed_digest", "enforced_digest", "tool", "domain", "card"),
    *("opened_ms", "expires_ms", "state", "turns", "remind_ms", "voters", "consumed_by"),
)
_SELECT = select(*[gates.c[name] for name in _COLUMNS]).where(gates.c.root == bindparam("root"))
_ONE = _SELECT.where(gates.c.gate == bindparam("gate"))
_OF_KEY = _SELECT.where(gates.c.step_key == bindparam("step_key")).order_by(gates.c.number)
_ALL = _SELECT.order_by(gates.c.opened_ms, gates.c.gate)
_REFUSED = select(gates.c.refused_votes).where(
    gates.c.root == bindparam("root"), gates.c.gate == bindparam("gate")
)
_OPEN = (
    select(*[gates.c[name] for name in _COLUMNS])
    .where(gates.c.state == "open")
    .order_by(gates.c.expires_ms, gates.c.root, gates.c.gate)
    .limit(bindparam("most"))
)
_GRANTED = (
    select(*[gates.c[name] for name in _COLUMNS])
    .where(gates.c.tool == bindparam("tool"), gates.c.state == "granted")
    .order_by(gates.c.opened_ms.desc(), gates.c.root, gates.c.gate)
    .limit(bindparam("most"))
)
_VOTE_COLUMNS = (
    "gate",
    "event",
    "by",
    "verdict",
    "counted",
    "code",
    "reason",
    "body",
    "at_ms",
    "seq",
)
_VOTE = (*(votes.c[name] for name in _VOTE_COLUMNS), records.c.body.label("record"))
# An outer one: a vote is read in the transaction that has yet to write its record.
_ITS_RECORD = and_(records.c.root == votes.c.root, records.c.seq == votes.c.seq)
_RECORDED = votes.outerjoin(records, _ITS_RECORD)
_VOTES = (
    select(*_VOTE)
    .select_from(_RECORDED)
    .where(votes.c.root == bindparam("root"), votes.c.gate == bindparam("gate"))
    .order_by(votes.c.seq)
)
_OPEN_VOTES = (
    select(votes.c.root, *_VOTE)
    .select_from(
        gates.join(
            votes, and_(votes.c.root == gates.c.root, votes.c.gate == gates.c.gate)
        ).outerjoin(records, _ITS_RECORD)
    )
    .where(gates.c.state == "open", votes.c.counted == 1)
    .order_by(votes.c.root, votes.c.seq)
    .limit(bindparam("most"))
)
_EVENT = (
    select(*_VOTE)
    .select_from(_RECORDED)
    .where(votes.c.root == bindparam("root"), votes.c.event == bindparam("event"))
)


def find(tx: Transaction, root: str, gate: str) -> GateRow | None:
    """Return a gate."""
    row = tx.one(_ONE, root=root, gate=gate)
    return None if row is None else _gate_of(tx, row)


def about(key: StepKey) -> Question:
    """Return the question that `find_of_key` asks."""
    return _OF_KEY, {"root": key.root, "step_key": str(key)}


def find_of_key(tx: Transaction, key: StepKey) -> Sequence[GateRow]:
    """Return the gates of a step key, oldest first."""
    return [_gate_of(tx, row) for row in tx.all(_OF_KEY, root=key.root, step_key=str(key))]


def find_all(tx: Transaction, root: str) -> Sequence[GateRow]:
    """Return the gates of a run, in the order in which they opened."""
    return [_gate_of(tx, row) for row in tx.all(_ALL, root=root)]


def find_open(tx: Transaction, most: int) -> Sequence[GateRow]:
    """Return the open gates of all runs, the ones that expire first before the others."""
    return _with_cards(tx, tx.all(_OPEN, most=most))


def find_granted(tx: Transaction, tool: str, most: int) -> Sequence[GateRow]:
    """Return the granted gates of a tool in all runs, the latest first."""
    return _with_cards(tx, tx.all(_GRANTED, tool=tool, most=most))


def _with_cards(tx: Transaction, rows: Sequence[Row]) -> Sequence[GateRow]:
    if rows:
        place = _COLUMNS.index("card")
        tx.expect(*[about_content(str(row[place])) for row in rows])
    return [_gate_of(tx, row) for row in rows]


def find_open_votes(tx: Transaction, most: int) -> Sequence[tuple[str, VoteRow]]:
    """Return the counted votes of all open gates, each with the root of its run, in order."""
    rows = tx.all(_OPEN_VOTES, most=most)
    if rows:
        place = 1 + _VOTE_COLUMNS.index("body")
        tx.expect(*[about_content(str(row[place])) for row in rows])
    return [(str(row[0]), _vote_of(tx, row[1:])) for row in rows]


def find_votes(tx: Transaction, root: str, gate: str) -> Sequence[VoteRow]:
    """Return the recorded votes of a gate, in the order in which they came."""
    return [_vote_of(tx, row) for row in tx.all(_VOTES, root=root, gate=gate)]


def consume(tx: Transaction, key: StepKey, grants: Sequence[str]) -> None:
    """Write that a key's intent used these grants."""
    for grant in grants:
        tx.change(gates, {"root": key.root, "gate": grant, "consumed_by": str(key)})


def open_gate(tx: Transaction, gate: GateRow, further: Sequence[Record]) -> GateRow:
    """Open a gate, or return the one that stands."""
    chain = Chain(tx, gate.root)
    standing = find(tx, gate.root, gate.id)
    if standing is not None:
        return standing
    card = Content.of(gate.card)
    store_contents(tx, [card])
    tx.insert(insert_new, gates, {**_columns(gate, card), "refused_votes": 0})
    chain.append("gate", {**_terms(gate), "card": card.digest})
    chain.append_all(further)
    chain.save()
    return gate


def end_gate(tx: Transaction, root: str, gate_id: str, state: str) -> str:
    """Close a gate without a vote; return the state that stands, empty for no such gate."""
    chain = Chain(tx, root)
    gate = find(tx, root, gate_id)
    if gate is None:
        return ""
    ended = rules.end_gate(gate, state, tx.now_ms)
    if ended != gate.state:
        _end(tx, chain, gate, ended, None)
        chain.save()
    return ended


def vote(tx: Transaction, root: str, given: Sequence[VoteRow]) -> Sequence[VoteRow]:
    """Record votes and the ends that gates reach by them; return the votes as they stand."""
    chain = Chain(tx, root)
    stand = []
    for one in given:
        recorded = _record_vote(tx, chain, one)
        stand.append(recorded)
        if recorded.counted:
            _count(tx, chain, recorded.gate)
    chain.save()
    return stand


def _count(tx: Transaction, chain: Chain, gate_id: str) -> None:
    gate = find(tx, chain.root, gate_id)
    if gate is None or rules.is_late(gate, tx.now_ms):
        return
    now = standing(gate, find_votes(tx, chain.root, gate_id), tx.now_ms)
    if now.state != "open":
        _end(tx, chain, gate, now.state, now)


def _end(tx: Transaction, chain: Chain, gate: GateRow, state: str, now: Standing | None) -> None:
    ayes = now.ayes if now is not None and state in GRANTS else {}
    voters = _written(ayes)
    place = {"root": gate.root, "gate": gate.id}
    tx.change(gates, {**place, "state": state, "voters": json.dumps(voters)})
    chain.append("gate_end", {"gate": gate.id, "state": state, "voters": voters})


def _written(ayes: Mapping[str, str]) -> JSON:
    """Return who approved: names, and pairs with the one in whose place where there is one."""
    return [[by, place] if place else by for by, place in sorted(ayes.items())]


def _record_vote(tx: Transaction, chain: Chain, given: VoteRow) -> VoteRow:
    known = tx.one(_EVENT, root=chain.root, event=given.event)
    if known is not None:
        return _vote_of(tx, known)
    one = given
    gate = find(tx, chain.root, one.gate) if one.gate else None
    if one.counted and rules.is_late(gate, tx.now_ms):
        one = replace(one, counted=False, code="VOTE-LATE", reason="the gate is closed")
    if one.proof is not None and not use(tx, chain.root, one.proof):
        told = "the token was used before, for something else"
        one = replace(one, counted=False, code=REPLAYED, reason=told, proof=None)
    one = replace(one, at_ms=tx.now_ms, is_verified=one.proof is not None)
    if not one.counted and _count_refused(tx, chain, gate) > REFUSED_LIMIT:
        return one
    body = Content.of(one.body)
    store_contents(tx, [body])
    plain: JSONObject = {
        "event": one.event,
        "gate": one.gate,
        "by": one.by,
        "verdict": one.verdict,
        "code": one.code,
        "reason": one.reason,
    }
    row = {name: str(value) for name, value in plain.items()}
    place: dict[str, Value] = {"root": chain.root, "seq": chain.next_seq, "body": body.digest}
    place["at_ms"] = one.at_ms
    tx.insert(insert_new, votes, {**row, **place, "counted": int(one.counted)})
    proof: JSONObject = {} if one.proof is None else {"proof": one.proof.recorded()}
    chain.append("vote", {**plain, "counted": one.counted, "body": body.digest, **proof})
    return one


def _count_refused(tx: Transaction, chain: Chain, gate: GateRow | None) -> int:
    if gate is None:
        chain.stray += 1
        return chain.stray
    row = tx.one(_REFUSED, root=chain.root, gate=gate.id)
    count = 1 + (whole(row[0]) if row else 0)
    tx.change(gates, {"root": chain.root, "gate": gate.id, "refused_votes": count})
    return count


def _terms(gate: GateRow) -> JSONObject:
    return {
        "gate": gate.id,
        "path": gate.key.path,
        "direction": gate.key.direction.value,
        "code": gate.code,
        "role": gate.role,
        "quorum": gate.quorum,
        "request": gate.request_digest,
        "proposed": gate.proposed_digest,
        "enforced": gate.enforced_digest,
        "tool": gate.tool,
        "domain": gate.domain,
        "opened_ms": gate.opened_ms,
        "expires_ms": gate.expires_ms,
        **({"then": _turns(gate)} if gate.then else {}),
        **({"remind_every_ms": gate.remind_every_ms} if gate.remind_every_ms else {}),
    }


def _turns(gate: GateRow) -> JSON:
    return [{"role": turn.role, "at_ms": turn.at_ms} for turn in gate.then]


def _columns(gate: GateRow, card: Content) -> dict[str, Value]:
    plain: dict[str, Value] = {
        name: getattr(gate, name)
        for name in _COLUMNS
        if name not in ("gate", "step_key", "card", "voters", "turns", "remind_ms")
    }
    special: dict[str, Value] = {
        "gate": gate.id,
        "step_key": str(gate.key),
        "card": card.digest,
        "remind_ms": gate.remind_every_ms,
    }
    return {**plain, **special, "voters": "[]", "turns": json.dumps(_turns(gate))}


def _gate_of(tx: Transaction, row: Row) -> GateRow:
    named = dict(zip(_COLUMNS, row, strict=True))
    card = find_object(tx, str(named.pop("card")))
    key = StepKey.parse(str(named.pop("step_key")))
    voters, instead_of = rules.voters_of(json.loads(str(named.pop("voters"))))
    then = tuple(Turn(**turn) for turn in json.loads(str(named.pop("turns"))))
    return _make_gate(
        id=named.pop("gate"),
        key=key,
        card=card,
        then=then,
        remind_every_ms=named.pop("remind_ms"),
        voters=voters,
        instead_of=instead_of,
        **named,
    )


def _vote_of(tx: Transaction, row: Row) -> VoteRow:
    gate, event, by, verdict, counted, code, reason, body, at_ms, _, record = row
    return VoteRow(
        gate=str(gate),
        event=str(event),
        by=str(by),
        verdict=str(verdict),
        counted=bool(counted),
        code=str(code),
        reason=str(reason),
        body=find_object(tx, str(body)),
        at_ms=whole(at_ms),
        is_verified=isinstance(record, str) and is_proven(json.loads(record)),
    )
