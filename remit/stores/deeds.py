"""What a run did, and what was done to a thing: the tools of calls that stand.

Counted in the transaction of each outcome, so that a decision reads a few rows however long the run
is. Rows of a thing are shared by runs; they are added to, never overwritten.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from remit.ledger import rules
from remit.ledger.entries import Action
from remit.stores.inserting import add
from remit.stores.schema import deeds
from remit.stores.transaction import Question, Transaction

_FIND = select(deeds.c.tool).where(deeds.c.scope == bindparam("scope"), deeds.c.times > 0)


def about(scope: str) -> Question:
    """Return the question that `find` asks."""
    return _FIND, {"scope": scope}


def find(tx: Transaction, scope: str) -> Sequence[str]:
    """Return the tools that did something in a run, or to a thing, by name."""
    return sorted(str(row[0]) for row in tx.all(_FIND, scope=scope))


def count(tx: Transaction, before: Action | None, after: Action, other: Action | None) -> None:
    """Count a call that was done, or undone, by a change of state."""
    deed, times = rules.deed(before, after, other)
    if deed is None:
        return
    for scope in (deed.key.root, deed.resource):
        if scope:
            tx.insert(add, deeds, {"scope": scope, "tool": deed.tool, "times": times})
