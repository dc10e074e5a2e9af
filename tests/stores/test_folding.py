"""Folding a run's records gives what the ledger's tables say, now and at every moment before."""

import asyncio
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.canonical import JSONObject, digest
from remit.ledger.amendments import Amending, earlier
from remit.ledger.entries import Action, Admission, FrozenUndo, GateRow, Record, Reserve, State
from remit.ledger.errors import LedgerError
from remit.ledger.folding import KINDS, FoldError, RunState, fold
from remit.plan.path import Direction, StepKey
from remit.stores.ledger import SqlLedger
from tests.stores.ledger_values import (
    COMPILED,
    CONTRACT,
    ROOT,
    HandClock,
    admission,
    chain_of,
    content,
    gate,
    intent,
    key,
    open_admitted,
    outcome,
    vote,
)
from tests.stores.test_ledger_model import empty_ledger

DOS = [key(step, generation=generation) for step in ("a", "b") for generation in (0, 1)]
DOS += [key("a", 1), key("c", parent="b@1")]
KEYS = [*DOS, *(one.undo for one in DOS)]
OWNERS = ("w1", "w2")
AMENDED = digest("amended")
THING = digest("thing")

keys = st.sampled_from(KEYS)
owners = st.sampled_from(OWNERS)
AIMED = [
    st.tuples(st.just("whole"), st.sampled_from(DOS), st.sampled_from(["happened", "in_doubt"])),
    st.tuples(st.just("whole"), st.sampled_from(DOS), st.just("refused")),
    st.tuples(st.just("back"), st.sampled_from(["happened", "in_doubt"])),
    st.tuples(st.just("answer"), st.booleans(), st.booleans()),
    st.tuples(st.just("used"), keys),
] * 2
"""Moves that find a call that they fit: by chance alone few histories would come so far."""
calls = st.one_of(
    *AIMED,
    st.tuples(st.just("begin"), keys, owners, st.sampled_from([0, 30]), st.booleans()),
    st.tuples(
        st.just("finish"),
        keys,
        st.sampled_from([*State, State.HAPPENED, State.HAPPENED]),
        st.sampled_from([None, 10]),
        st.booleans(),
    ),
    st.tuples(st.sampled_from(["take_over", "give_up"]), keys, owners),
    st.tuples(st.just("resolve"), keys, st.booleans(), st.booleans()),
    st.tuples(st.just("repair"), keys, st.sampled_from(["retry", "mark_done", "hand_over"])),
    st.tuples(st.sampled_from(["skip", "part", "deny"]), st.sampled_from(DOS)),
    st.tuples(st.just("fence"), st.sampled_from(["", "a"])),
    st.tuples(st.just("gate"), keys, st.integers(1, 2)),
    st.tuples(st.just("vote"), keys, st.sampled_from(["granted", "rejected", "open"])),
    st.tuples(st.just("end_gate"), keys, st.sampled_from(["void", "abandoned", "expired"])),
    st.tuples(st.sampled_from(["close", "reverse", "amend", "order", "time"])),
)


@dataclass
class Play:
    """One ledger on which a history is played."""

    ledger: SqlLedger
    clock: HandClock
    file: Path
    moves: int = 0

    async def move(self, name: str, *given: object) -> None:
        """Make one move; what the protocol refuses leaves no record."""
        self.moves += 1
        self.clock.advance(7)
        try:
            await getattr(self, f"_{name}")(*given)
        except LedgerError:
            return

    async def _begin(self, one: StepKey, owner: str, amount: int, granted: bool) -> None:
        reserve = [Reserve("run/all/micros", amount, 1000)]
        gates = await self.ledger.gates(ROOT)
        grants = [each.id for each in gates if each.key == one and each.state == "granted"]
        wanted = intent(
            one,
            owner=owner,
            lease_until_ms=self.clock.now_ms + 10,
            reserve=reserve,
            grants=grants if granted else (),
            tool=f"shop.{one.segment.step}@1",
            resource=THING if amount else "",
        )
        await self.ledger.begin(wanted)

    async def _finish(self, one: StepKey, state: State, spent: int | None, refund: bool) -> None:
        action = (await self.ledger.look(one)).action
        attempt, owner = (action.attempts, action.owner) if action else (1, "w1")
        ended = outcome(one, state, attempt=attempt, owner=owner, spent=spent, refund=refund)
        await self.ledger.finish(replace(ended, code="LAB-CODE", faulty=refund))

    async def _whole(self, one: StepKey, state: str) -> None:
        await self._begin(one, "w1", 20, False)
        undoes = one.direction.value == "undo"
        await self._finish(one, State(state), None if self.moves % 2 else 5, undoes)

    async def _in(self, state: str) -> StepKey | None:
        for one in KEYS:
            found = await self.ledger.look(one)
            stands = found.action is not None and found.action.state.value == state
            if stands and (state == "in_doubt" or found.undo is None):
                return one
        return None

    async def _back(self, state: str) -> None:
        done = await self._in("happened")
        if done is not None:
            await self._whole(done.undo, state)

    async def _answer(self, happened: bool, more: bool) -> None:
        asked = await self._in("in_doubt")
        if asked is not None:
            await self._resolve(asked, happened, more)

    async def _used(self, one: StepKey) -> None:
        await self._vote(one, "granted")
        await self._begin(one, "w2", 0, True)

    async def _take_over(self, one: StepKey, owner: str) -> None:
        action = (await self.ledger.look(one)).action
        await self.ledger.take_over(one, action.attempts if action else 1, owner, 2**50)

    async def _give_up(self, one: StepKey, owner: str) -> None:
        action = (await self.ledger.look(one)).action
        await self.ledger.give_up(one, action.attempts if action else 1, owner, "gone")

    async def _resolve(self, one: StepKey, happened: bool, more: bool) -> None:
        undo = FrozenUndo("erp.cancel_order@1", CONTRACT, digest("later")) if more else None
        evidence: JSONObject = {"by": "ann", "output": {"said": str(one)}}
        await self.ledger.resolve(one, happened, evidence, undo)

    async def _repair(self, one: StepKey, order: str) -> None:
        if one.direction.value == "undo":
            await self.ledger.repair(one, order, {"by": "ann"})

    async def _skip(self, one: StepKey) -> None:
        await self.ledger.skip(one, [])

    async def _part(self, one: StepKey) -> None:
        await self.ledger.record_part(one, COMPILED, content({"out": str(one)}))

    async def _deny(self, one: StepKey) -> None:
        about: JSONObject = {"step_key": str(one), "tool": "t@1", "proposed": COMPILED}
        body: JSONObject = {**about, "decision": {"effect": "deny"}}
        await self.ledger.deny(ROOT, one, [Record("decision", body)])
        probe: JSONObject = {**body, "purpose": "probe"}
        await self.ledger.append(ROOT, [Record("decision", probe)])

    async def _fence(self, step: str) -> None:
        await self.ledger.fence(ROOT, "", step)

    async def _gate(self, one: StepKey, quorum: int) -> None:
        count = sum(each.key == one for each in await self.ledger.gates(ROOT))
        opened = gate(one, count + 1, quorum=quorum, expires_ms=self.clock.now_ms + 1000)
        name = f"{one.path}:{one.direction.value}#{count + 1}"
        await self.ledger.open_gate(replace(opened, id=name), [Record("gate", {"gate": name})])

    async def _gate_of(self, one: StepKey) -> str:
        return next((each.id for each in await self.ledger.gates(ROOT) if each.key == one), "none")

    async def _vote(self, one: StepKey, state: str) -> None:
        if state == "granted":
            await self._gate(one, 2)
        name = await self._gate_of(one)
        given = [vote(f"{self.moves}-{by}", by, gate_id=name) for by in ("ann", "ben")]
        await self.ledger.vote(ROOT, given)

    async def _end_gate(self, one: StepKey, state: str) -> None:
        await self.ledger.end_gate(ROOT, await self._gate_of(one), state)

    async def _close(self) -> None:
        if self.moves > 25:
            await self.ledger.close_run(ROOT, "completed", [])

    async def _reverse(self) -> None:
        await self.ledger.reverse(ROOT)

    async def _amend(self) -> None:
        after = admission(compiled=AMENDED)
        await self.ledger.amend(Amending(after, COMPILED, {"b": 1}), [], [])

    async def _order(self) -> None:
        body: JSONObject = {"order": "hold", "decision": {"effect": "allow"}}
        await self.ledger.append(ROOT, [Record("order", body)])

    async def _time(self) -> None:
        self.clock.advance(500)

    def length(self) -> int:
        """Return how many records there are."""
        with sqlite3.connect(self.file) as database:
            found: tuple[int] = database.execute("SELECT count(*) FROM records").fetchone()
        return found[0]

    async def tables(self) -> JSONObject:
        """Return what the tables say."""
        told: JSONObject = {}
        for one in KEYS:
            found = await self.ledger.look(one)
            told[str(one)] = repr(_plain(found.action))
            told[f"{one} skipped"] = found.skipped
        run = await self.ledger.run(ROOT)
        told["closed"] = run.closed if run else None
        told["totals"] = repr(await self.ledger.totals(ROOT))
        told["gates"] = sorted(repr(_bare(one)) for one in await self.ledger.gates(ROOT))
        places = ("", earlier("", COMPILED))
        told["admissions"] = [repr(await self.ledger.admission(ROOT, one)) for one in places]
        with sqlite3.connect(self.file) as database:
            rows = database.execute("SELECT path, generation FROM barriers ORDER BY path")
            told["barriers"] = repr(dict(rows.fetchall()))
            deeds = database.execute("SELECT scope, tool, times FROM deeds WHERE times <> 0")
            told["deeds"] = sorted(repr(one) for one in deeds.fetchall())
        return told


def _plain(action: Action | None) -> Action | None:
    return None if action is None else replace(action, lease_until_ms=0)


def _bare(row: GateRow) -> GateRow:
    return replace(row, card={})


def folded(state: RunState) -> JSONObject:
    """Return what a folded state says, in the form of `Play.tables`."""
    told: JSONObject = {}
    for one in KEYS:
        told[str(one)] = repr(state.actions.get(one))
        told[f"{one} skipped"] = one in state.skipped
    places = ("", earlier("", COMPILED))
    return {
        **told,
        "closed": state.closed,
        "totals": repr(state.totals),
        "gates": sorted(repr(one) for one in state.gates.values()),
        "admissions": [repr(state.admissions.get(one)) for one in places],
        "barriers": repr(dict(sorted(state.barriers.items()))),
        "deeds": sorted(repr((*name, times)) for name, times in _deeds(state).items()),
    }


def _deeds(state: RunState) -> Counter[tuple[str, str]]:
    """Count, from what stands at the end alone, what was done and not undone."""
    happened = {one: each for one, each in state.actions.items() if each.state is State.HAPPENED}
    standing = [
        each
        for one, each in happened.items()
        if one.direction is Direction.DO and each.tool and not each.faulty
        if one.undo not in happened
    ]
    scopes = [(scope, each.tool) for each in standing for scope in (ROOT, each.resource) if scope]
    return Counter(scopes)


A, A_ITEM, B_NEW, BELOW = key("a"), key("a", 1), key("b", generation=1), key("c", parent="b@1")
SCRIPT: list[tuple[object, ...]] = [
    ("deny", A),
    ("whole", A, "refused"),
    ("whole", A, "happened"),
    ("back", "happened"),
    ("whole", A_ITEM, "in_doubt"),
    ("answer", True, True),
    ("back", "in_doubt"),
    ("answer", False, False),
    ("repair", A_ITEM.undo, "hand_over"),
    ("skip", key("a", generation=1)),
    ("amend",),
    ("begin", B_NEW, "w1", 30, False),
    ("time",),
    ("take_over", B_NEW, "w2"),
    ("finish", B_NEW, State.OPEN, None, False),
    ("finish", B_NEW, State.HAPPENED, None, True),
    ("part", key("b")),
    ("used", BELOW),
    ("finish", BELOW, State.FAILED, None, False),
    ("begin", B_NEW.undo, "w1", 30, False),
    ("time",),
    ("give_up", B_NEW.undo, "w2"),
    ("gate", A.undo, 1),
    ("end_gate", A.undo, "void"),
    ("order",),
    ("fence", "a"),
    *[("time",)] * 4,
    ("close",),
    ("reverse",),
]
"""Every kind of record that changes anything, each with what makes it hard."""


async def played(
    folder: Path, history: list[tuple[object, ...]], *, every: int
) -> list[JSONObject]:
    """Play a history, remember the tables after some moves, and hold the fold against each."""
    file = folder / "ledger.db"
    file.write_bytes(empty_ledger())
    clock = HandClock()
    ledger = await open_admitted(f"sqlite:///{file}", clock=clock)
    play = Play(ledger, clock, file)
    seen: dict[int, JSONObject] = {}
    for name, *given_ in history:
        await play.move(str(name), *given_)
        if play.moves % every == 0:
            seen[play.length()] = await play.tables()
    seen[play.length()] = await play.tables()
    records = await chain_of(ledger)
    await ledger.close()
    for seq, tables in seen.items():
        assert folded(fold(ROOT, records, until_seq=seq)) == tables
    assert folded(fold(ROOT, records)) == seen[len(records)]
    return records


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=st.lists(calls, min_size=5, max_size=45))
def test_records_folded_are_what_the_tables_say(history: list[tuple[object, ...]]) -> None:
    """At many moments of a random history the records alone give every row."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(played(Path(folder), history, every=5))


async def test_every_kind_of_record_is_folded(tmp_path: Path) -> None:
    """After each move of a history with all kinds of record in it the fold gives every row."""
    records = await played(tmp_path, SCRIPT, every=1)
    given_ = {str(record["kind"]) for record in records}

    assert given_ >= set(KINDS) - {"seal"}
    outcomes = [record["body"] for record in records if record["kind"] == "outcome"]
    assert sum(isinstance(body, dict) and "refund" in body for body in outcomes) == 1
    assert {gate_.consumed_by for gate_ in fold(ROOT, records).gates.values()} >= {str(BELOW)}


async def test_a_moment_is_named_by_number_or_by_time(tmp_path: Path) -> None:
    """Both bounds leave out what came later; before the first record nothing was admitted."""
    clock = HandClock()
    ledger = await open_admitted(f"sqlite:///{tmp_path / 'l.db'}", clock=clock)
    began_ms = clock.now_ms
    clock.advance(1000)
    await ledger.begin(intent(key()))
    records = await chain_of(ledger)
    await ledger.close()

    assert fold(ROOT, records, until_seq=0).status == "admitting"
    assert fold(ROOT, records, until_ms=began_ms).actions == {}
    assert fold(ROOT, records, until_ms=began_ms).status == "running"
    assert fold(ROOT, records, until_seq=2).actions[key()].state is State.OPEN


async def test_a_record_that_says_nothing_is_named(tmp_path: Path) -> None:
    """An outcome without its intent, or a record without its fields, is told by its number."""
    ledger = await open_admitted(f"sqlite:///{tmp_path / 'l.db'}")
    records = await chain_of(ledger)
    await ledger.close()
    strange: JSONObject = {**records[0], "seq": 2, "kind": "outcome"}

    with pytest.raises(FoldError, match="record 2"):
        fold(ROOT, [*records, {**strange, "body": {"path": "a", "direction": "do"}}])
    with pytest.raises(FoldError, match="record 2"):
        fold(ROOT, [*records, {**strange, "body": []}])


def test_an_admission_is_folded_whole() -> None:
    """The fold keeps what a run was admitted with."""
    body: JSONObject = {"path": "", "compiled": COMPILED, "inputs": digest({})}
    body |= {"decision_id": "d", "revision": "r", "run": {"plan": "p@1"}}
    record: JSONObject = {"seq": 1, "at_ms": 5, "kind": "admission", "body": body}
    state = fold(ROOT, [record])

    assert state.admissions == {"": Admission(ROOT, "", COMPILED, digest({}), "d", "r")}
    assert (state.run, state.closed, state.status) == ({"plan": "p@1"}, "", "running")
