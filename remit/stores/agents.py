"""What the ledger knows of agents: the runs that they began, and what became of their calls.

Reads, by whole tables: for people who ask, never on the way of a call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, case, func, select

from remit.stores.schema import chains, runs
from remit.stores.transaction import Transaction


@dataclass(slots=True)
class Deeds:
    """What one agent's runs amount to, all of its versions together."""

    agent: str
    """Id without version."""
    versions: list[str] = field(default_factory=list)
    runs: int = 0
    open: int = 0
    calls: int = 0
    """Calls that were begun, undos and sub-plans too."""
    denials: int = 0
    undone: int = 0
    last: "LastRun | None" = None
    """The run that it began last."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """One run, in short."""

    root: str
    workflow: str
    plan: str
    status: str
    """As it was closed; empty while it is open."""
    started_ms: int


_TOTALS = (
    select(
        runs.c.agent,
        func.count(),
        func.sum(case((runs.c.closed == "", 1), else_=0)),
        func.sum(chains.c.calls),
        func.sum(chains.c.denials),
        func.sum(chains.c.undone),
    )
    .join(chains, chains.c.root == runs.c.root)
    .group_by(runs.c.agent)
    .order_by(runs.c.agent)
)
_LAST = (
    select(runs.c.root, runs.c.workflow_id, runs.c.plan, runs.c.closed, runs.c.started_ms)
    .where(runs.c.agent == bindparam("agent"))
    .order_by(runs.c.started_ms.desc(), runs.c.root.desc())
    .limit(1)
)


def deeds(tx: Transaction) -> Sequence[Deeds]:
    """Return what is known of each agent that ever began a run, by name."""
    found: dict[str, Deeds] = {}
    for row in tx.all(_TOTALS):
        name, _, version = str(row[0]).partition("@")
        one = found.setdefault(name, Deeds(name))
        began, still, calls, denials, undone = (int(str(value or 0)) for value in row[1:])
        one.versions.append(version)
        one.runs += began
        one.open += still
        one.calls += calls
        one.denials += denials
        one.undone += undone
        last = _last(tx, str(row[0]))
        if last and (one.last is None or last.started_ms > one.last.started_ms):
            one.last = last
    return list(found.values())


def _last(tx: Transaction, agent: str) -> LastRun | None:
    row = tx.one(_LAST, agent=agent)
    if row is None:
        return None
    root, workflow, plan, closed, started = map(str, row)
    return LastRun(root, workflow, plan, closed, int(started))
