"""Runs with contents whose period is over."""

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select

from remit.ledger.retention import Periods, rule_of
from remit.stores.schema import holdings, retained
from remit.stores.transaction import Transaction

_LABEL = select(func.min(holdings.c.classes)).where(
    holdings.c.state == "held", holdings.c.classes > bindparam("after")
)
_DUE = (
    select(holdings.c.root, holdings.c.ended_ms)
    .where(
        holdings.c.state == "held",
        holdings.c.classes == bindparam("label"),
        holdings.c.ended_ms >= bindparam("since"),
        holdings.c.ended_ms <= bindparam("before"),
        ~select(retained.c.root).where(retained.c.root == holdings.c.root).exists(),
    )
    .order_by(holdings.c.ended_ms)
    .limit(bindparam("most"))
)


def due(tx: Transaction, periods: Periods, window_ms: int, most: int) -> Sequence[str]:
    """Return runs with contents whose period is over, those that ended first before others."""
    found: dict[str, None] = {}
    written = ""
    while (row := tx.one(_LABEL, after=written)) is not None and row[0] is not None:
        written = str(row[0])
        rule = rule_of(written, periods)
        if rule is not None:
            before = tx.now_ms - max(rule.period_ms, window_ms)
            for each in tx.all(_DUE, label=written, since=0, before=before, most=most):
                found[str(each[0])] = None
    return list(found)
