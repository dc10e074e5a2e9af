"""The checker on evidence made by hand: content with the truth, it finds every kind of lie."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from chaos.checker import check
from chaos.evidence import (
    Attempt,
    Chain,
    Deed,
    Effect,
    End,
    Evidence,
    GateEnd,
    Key,
    Left,
    Request,
    Run,
    Told,
)
from remit.canonical import JSON, JSONObject
from remit.ledger.records import chain_hash, genesis

ROOT = "root"
DO, UNDO = Key(ROOT, "a", "do"), Key(ROOT, "a", "undo")
BODY = "b0d1"
ALLOW: JSONObject = {"effect": "allow", "decision_id": "d", "revision": "r"}
CARELESS, PROBED, KEYED = "shop.make_careless@1", "shop.make_probed@1", "shop.make_keyed@1"


def chain(*records: tuple[str, JSONObject]) -> Chain:
    """Return a chain that verifies."""
    made: list[JSONObject] = []
    prev = genesis(ROOT)
    for seq, (kind, body) in enumerate(records, start=1):
        record: JSONObject = {
            "at_ms": seq * 10,
            "body": body,
            "kind": kind,
            "root": ROOT,
            "seq": seq,
        }
        made.append({**record, "prev": prev, "hash": (prev := chain_hash(prev, record))})
    return Chain(tuple(made), prev)


def intent(key: Key = DO, grants: tuple[str, ...] = (), **more: JSON) -> tuple[str, JSONObject]:
    """Return an intent's record."""
    body: JSONObject = {
        "path": key.path,
        "direction": key.direction,
        "decision": ALLOW,
        "proposed": "p",
        "grants": list(grants),
        **more,
    }
    return "intent", body


def done(key: Key = DO, kind: str = "outcome") -> tuple[str, JSONObject]:
    """Return an outcome's record."""
    return kind, {"path": key.path, "direction": key.direction, "state": "happened"}


def effect(change: int = 1, key: Key = DO, name: str = "thing", at_ms: int = 15) -> Effect:
    """Return a change that the shop made."""
    return Effect(at_ms, 1, "make/keyed", name, key, change)


def deed(key: Key = DO, tool: str = KEYED, state: str = "happened", **more: object) -> Deed:
    """Return what the ledger says."""
    made = Deed(key, tool, "write", state, 1, f"sha256:{BODY}", "thing", decision_id="d")
    return replace(made, **more)  # type: ignore[arg-type]


HONEST = Evidence(
    started=("run",),
    requests=(Request(1, 12, "make/keyed", "thing", DO, BODY),),
    effects=(effect(),),
    deeds=(deed(output="o"),),
    attempts=(Attempt(DO, 1, 10, 20, "happened"),),
    runs=(Run(ROOT, "run", "team:shop", "completed"),),
    chains={ROOT: chain(intent(), done())},
    ends=(End("run", ROOT, "completed", is_over=True),),
    told=(Told(DO, "d", "o"),),
)
"""One run that did one thing, and everybody says so."""
UNDONE = replace(
    HONEST,
    effects=(effect(), effect(-1, UNDO, at_ms=30)),
    deeds=(deed(output="o"), deed(UNDO, "shop.take_keyed@1")),
    runs=(Run(ROOT, "run", "team:shop", "failed"),),
    chains={ROOT: chain(intent(), done(), intent(UNDO), done(UNDO))},
    ends=(End("run", ROOT, "failed", is_over=True),),
)
"""The same, undone."""
GATED = replace(
    HONEST,
    effects=(effect(name="guarded-thing"),),
    deeds=(deed(name="guarded-thing", output="o"),),
    chains={ROOT: chain(intent(grants=("a#1",)), done())},
    gates=(GateEnd(ROOT, "a#1", DO, "granted", "p", 1000, str(DO)),),
)
"""The same behind a gate."""
ASKED = replace(
    HONEST,
    deeds=(deed(tool=CARELESS, attempts=2, output="o"),),
    attempts=(Attempt(DO, 1, 10, 20, "lost"), Attempt(DO, 2, 20, 30, "in_doubt")),
    chains={ROOT: chain(intent(), done(), done(kind="resolve"))},
)
"""A loss that nobody could tell, and the answer of a person."""
ASKED_LATE = replace(
    ASKED,
    deeds=(deed(tool=CARELESS, attempts=3, output="o"),),
    attempts=(
        Attempt(DO, 1, 10, 20, "lost"),
        Attempt(DO, 2, 20, 30, "lost"),
        Attempt(DO, 3, 30, 40, "in_doubt"),
    ),
)
"""The same, when whoever was about to ask was killed first."""


@pytest.mark.parametrize("evidence", [HONEST, UNDONE, GATED, ASKED, ASKED_LATE])
def test_the_truth_is_no_violation(evidence: Evidence) -> None:
    """What happened as the design says is found good."""
    assert check(evidence) == []


@dataclass(frozen=True)
class Lie:
    """One thing that is wrong."""

    about: str
    invariant: str
    said: str
    made: Callable[[], Evidence]


def doubled(key: Key = DO, **more: object) -> Evidence:
    """Return evidence of an effect that happened twice under two keys."""
    return replace(HONEST, effects=(effect(), effect(key=key)), **more)  # type: ignore[arg-type]


def forged() -> Evidence:
    """Return a chain with an edited record."""
    whole = HONEST.chains[ROOT]
    records = [dict(record) for record in whole.records]
    records[0]["at_ms"] = 11
    return replace(HONEST, chains={ROOT: Chain(tuple(records), whole.head)})


def cut() -> Evidence:
    """Return a chain without its last record."""
    whole = UNDONE.chains[ROOT]
    return replace(UNDONE, chains={ROOT: Chain(whole.records[:-1], whole.head)})


LIES = (
    Lie("an effect of nobody", "I3", "without an intent", lambda: replace(HONEST, deeds=())),
    Lie(
        "an effect under a deny",
        "I1",
        "'deny'",
        lambda: replace(
            HONEST, chains={ROOT: chain(intent(decision={"effect": "deny", "revision": "r"}))}
        ),
    ),
    Lie(
        "other arguments",
        "I1",
        "not those allowed",
        lambda: replace(HONEST, deeds=(deed(arguments="sha256:other", output="o"),)),
    ),
    Lie(
        "a forbidden name",
        "I1",
        "forbids",
        lambda: replace(
            HONEST,
            effects=(effect(name="forbidden-x"),),
            deeds=(deed(name="forbidden-x", output="o"),),
        ),
    ),
    Lie(
        "an effect called refused",
        "I3",
        "calls refused",
        lambda: replace(HONEST, deeds=(deed(state="refused"),), told=()),
    ),
    Lie("done twice", "I2", "2 times one effect", doubled),
    Lie(
        "undone twice",
        "I2",
        "2 times one undo",
        lambda: replace(UNDONE, effects=(*UNDONE.effects, effect(-1, UNDO, at_ms=40))),
    ),
    Lie(
        "made again",
        "I2",
        "made again",
        lambda: replace(UNDONE, effects=(*UNDONE.effects, effect(at_ms=40))),
    ),
    Lie("claimed, not done", "I3", "never happened", lambda: replace(HONEST, effects=())),
    Lie(
        "a lie believed",
        "I3",
        "false answer",
        lambda: replace(HONEST, deeds=(deed(behave="odd", output="o"),)),
    ),
    Lie(
        "undone, and there",
        "I4",
        "still there",
        lambda: replace(UNDONE, effects=UNDONE.effects[:1]),
    ),
    Lie(
        "left behind",
        "I4",
        "left behind",
        lambda: replace(HONEST, runs=UNDONE.runs, ends=UNDONE.ends),
    ),
    Lie(
        "gone from a completed run",
        "I4",
        "is gone",
        lambda: replace(HONEST, effects=(effect(), effect(-1))),
    ),
    Lie(
        "residue of nobody",
        "I4",
        "without an owner",
        lambda: replace(UNDONE, ends=(End("run", ROOT, "failed", True, (Left("a", ""),)),)),
    ),
    Lie(
        "no grant",
        "I5",
        "without its grant",
        lambda: replace(GATED, chains={ROOT: chain(intent(), done())}),
    ),
    Lie(
        "a rejected gate",
        "I5",
        "though it was rejected",
        lambda: replace(GATED, rejected=frozenset({"run"})),
    ),
    Lie(
        "a grant for something else",
        "I5",
        "not for this",
        lambda: replace(GATED, gates=(replace(GATED.gates[0], proposed="other"),)),
    ),
    Lie(
        "a grant past its time",
        "I5",
        "not for this",
        lambda: replace(GATED, gates=(replace(GATED.gates[0], expires_ms=10),)),
    ),
    Lie(
        "a void grant",
        "I5",
        "is void",
        lambda: replace(GATED, gates=(replace(GATED.gates[0], state="void"),)),
    ),
    Lie(
        "a grant used twice",
        "I5",
        "for 2 step keys",
        lambda: replace(
            GATED,
            chains={
                ROOT: chain(
                    intent(grants=("a#1",)), intent(Key(ROOT, "b", "do"), grants=("a#1",)), done()
                )
            },
        ),
    ),
    Lie(
        "a loss not asked",
        "I3",
        "not asked about",
        lambda: replace(ASKED, attempts=(*ASKED.attempts[:1], Attempt(DO, 2, 20, 30, "happened"))),
    ),
    Lie(
        "two losses, and nobody asked",
        "I3",
        "not asked about",
        lambda: replace(ASKED_LATE, attempts=ASKED_LATE.attempts[:2]),
    ),
    Lie(
        "asked without a loss",
        "I3",
        "was not lost",
        lambda: replace(ASKED, attempts=(Attempt(DO, 1, 10, 20, "in_doubt"),)),
    ),
    Lie(
        "a doubt without an answer",
        "I3",
        "without an answer",
        lambda: replace(ASKED, chains={ROOT: chain(intent(), done())}),
    ),
    Lie(
        "asked what the tool could tell",
        "I3",
        "could tell",
        lambda: replace(ASKED, deeds=(deed(tool=PROBED, attempts=2, output="o"),)),
    ),
    Lie("a lost start", "I8", "nobody knows", lambda: replace(HONEST, started=("run", "other"))),
    Lie(
        "a run that hangs",
        "I8",
        "neither over nor waiting",
        lambda: replace(HONEST, ends=(End("run", ROOT, "running", is_over=False),)),
    ),
    Lie(
        "a repair that hangs",
        "I8",
        "repair that did not end",
        lambda: replace(
            HONEST, ends=(*HONEST.ends, End("remit-repair/x", "x", "unwinding", False))
        ),
    ),
    Lie(
        "a run that Temporal lost",
        "I8",
        "not in Temporal",
        lambda: replace(HONEST, started=(), ends=()),
    ),
    Lie(
        "closed as something else",
        "I8",
        "ledger says",
        lambda: replace(HONEST, runs=(Run(ROOT, "run", "o", "abandoned:canceled"),)),
    ),
    Lie(
        "told, and not in the ledger",
        "I3",
        "the ledger none",
        lambda: replace(HONEST, told=(Told(Key(ROOT, "b", "do"), "d", "o"),)),
    ),
    Lie(
        "told otherwise",
        "I3",
        "different stories",
        lambda: replace(HONEST, told=(Told(DO, "d", "other"),)),
    ),
    Lie("an edited record", "chain", "does not hold", forged),
    Lie("a cut tail", "chain", "does not hold", cut),
    Lie("no replay", "I6", "does not replay", lambda: replace(HONEST, unreplayable=("run",))),
    Lie("a secret", "I7", "secret stands", lambda: replace(HONEST, leaks=("w0.log",))),
)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.about)
def test_every_kind_of_lie_is_found(lie: Lie) -> None:
    """One thing wrong is a violation that names the invariant and says what."""
    found = check(lie.made())

    assert [one for one in found if one.invariant == lie.invariant and lie.said in one.message]
    assert not [one for one in found if one.is_apart]


def test_a_probe_that_outlived_its_lease_is_reported_apart() -> None:
    """What the design admits is told, and told apart; for a keyed tool there is no such excuse."""
    paused: tuple[tuple[int, int], ...] = ((12, 18),)
    probed = doubled(deeds=(deed(tool=PROBED, output="o"),), long_pauses=paused)
    (found,) = [one for one in check(probed) if one.invariant == "I2"]
    assert found.is_apart

    (found,) = [one for one in check(doubled(long_pauses=paused)) if one.invariant == "I2"]
    assert not found.is_apart


def test_residue_with_an_owner_is_no_violation() -> None:
    """What nothing undoes may stay when a person is named for it."""
    end = End("run", ROOT, "failed", is_over=True, residue=(Left("a", "team:shop"),))

    assert check(replace(HONEST, runs=UNDONE.runs, ends=(end,))) == []
