"""What a group of writes will ask about, fetched and locked in one or two round trips.

Only where transactions run side by side: a write of a file asks as it goes. A run that another
transaction holds is left out, so that nobody waits for a run but who writes about it, and two
processes cannot wait for each other's runs in a ring. Counters are few and shared by many; they are
waited for, in the order of their names.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from remit.plan.path import Direction
from remit.stores import actions, chain, contents, reservations, stops
from remit.stores.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one write is about."""

    root: str = ""
    """Its run; empty for a write about none."""
    path: str | None = None
    """The path of its step key."""
    counters: Sequence[str] = ()
    """What it reserves."""


def foresee(tx: Transaction, wanted: Sequence[Wanted]) -> Collection[str]:
    """Lock and note what the writes will need; return the runs that others hold."""
    roots = sorted({one.root for one in wanted if one.root})
    if not roots:
        return ()
    places = sorted({(one.root, one.path) for one in wanted if one.path is not None})
    at = {"roots": [root for root, _ in places], "paths": [path for _, path in places]}
    *_, gone, halts, free, heads, families, holdings = tx.ask(
        *contents.questions(tx),
        (stops.IN_FORCE, {}),
        (chain.LOCK_FREE, {"roots": roots}),
        (chain.FIND_SEVERAL, {"roots": roots}),
        (actions.FIND_SEVERAL, at),
        (reservations.FIND_SEVERAL, at),
    )
    contents.note_gone(tx, gone)
    stops.note(tx, halts)
    ours = {row[0] for row in free}
    chain.note_heads(tx, heads, ours)
    known = [place for place in places if place[0] in ours]
    actions.note_families(tx, known, families)
    keys = [(*place, direction.value) for place in known for direction in Direction]
    reservations.note_holdings(tx, keys, holdings)
    names = {name for one in wanted if one.root in ours for name in one.counters}
    names |= {str(row[3]) for row in holdings if row[0] in ours}
    if names:
        reservations.lock_counters(tx, names)
    tx.accept()
    return {str(row[0]) for row in heads} - ours
