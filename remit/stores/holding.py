"""Which runs hold which contents: found in their records, behind the fact.

The keeper looks through the records of every chain that has new ones, so a governed step pays
nothing for it. Of each content that a record names `holdings` gets a row: kind, data classes, step,
and whether it may ever be forgotten (`held`) or stays (`kept`). When a run is over and settled, and
all of its records were looked through, its rows get the moment of its end, from which periods
count. What stands in chains that were not looked through yet is found by who is about to delete.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, bindparam, delete, or_, select, update

from remit.canonical import JSON, JSONObject
from remit.ledger.errors import LedgerError
from remit.ledger.references import KEPT, Reference, digests_in, references
from remit.ledger.retention import label
from remit.plan.wire import REVERSING
from remit.stores.contents import find_content
from remit.stores.inserting import insert_once
from remit.stores.runs import find_end
from remit.stores.schema import (
    actions,
    admissions,
    chains,
    gates,
    holdings,
    records,
    runs,
    unindexed,
    unsealed,
)
from remit.stores.transaction import Transaction

OPEN = -1
"""End of a run that is not over."""
MOST_UNSEEN = 2_000
"""Records, not looked through yet, that who deletes looks through itself."""

_NEXT = (
    select(unindexed.c.root, unindexed.c.upto, chains.c.length, runs.c.closed, unsealed.c.root)
    .select_from(
        unindexed.join(chains, chains.c.root == unindexed.c.root)
        .outerjoin(runs, runs.c.root == unindexed.c.root)
        .outerjoin(unsealed, unsealed.c.root == unindexed.c.root)
    )
    .where(
        unindexed.c.root > bindparam("after"),
        or_(
            chains.c.length > unindexed.c.upto,
            and_(runs.c.closed != "", runs.c.closed != REVERSING, unsealed.c.root.is_(None)),
        ),
    )
    .order_by(unindexed.c.root)
    .limit(1)
)
_STATED = select(unindexed.c.root).where(unindexed.c.root == bindparam("root"))
_RECORDS = (
    select(records.c.seq, records.c.kind, records.c.body)
    .where(records.c.root == bindparam("root"), records.c.seq > bindparam("upto"))
    .order_by(records.c.seq)
    .limit(bindparam("most"))
)
_MOVE = update(unindexed).where(unindexed.c.root == bindparam("of")).values(upto=bindparam("to"))
_DONE = delete(unindexed).where(unindexed.c.root == bindparam("of"))
_END = (
    update(holdings)
    .where(holdings.c.root == bindparam("of"), holdings.c.ended_ms != bindparam("at"))
    .values(ended_ms=bindparam("at"))
)
_CONTRACT = select(actions.c.contract).where(
    actions.c.root == bindparam("root"),
    actions.c.path == bindparam("path"),
    actions.c.direction == bindparam("direction"),
)
_TOOL = select(gates.c.tool).where(
    gates.c.root == bindparam("root"), gates.c.gate == bindparam("gate")
)
_PLANS = select(admissions.c.compiled).where(admissions.c.root == bindparam("root")).distinct()
_COLUMNS = ("root", "seq", "digest", "kind", "classes", "place", "state", "ended_ms", "gone")
_UNSEEN = (
    select(records.c.body)
    .select_from(records.join(unindexed, unindexed.c.root == records.c.root))
    .where(records.c.seq > unindexed.c.upto)
    .limit(bindparam("most"))
)
_TEXTS = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Looked:
    """How far a look went."""

    after: str = ""
    """The last chain that was looked through to its end."""
    records: int = 0
    is_done: bool = False


def look_through(tx: Transaction, after: str, most: int) -> Looked:
    """Look through up to `most` records of chains behind `after` that have new ones."""
    left = most
    while left > 0:
        row = tx.one(_NEXT, after=after)
        if row is None:
            return Looked(after, most - left, is_done=True)
        seen = _look(tx, row, left)
        if seen < left:
            after = str(row[0])
        left -= max(seen, 1)
    return Looked(after, most - left)


def is_looked_through(tx: Transaction, root: str) -> bool:
    """Whether a run is over, settled, and all of its contents are known."""
    return tx.one(_STATED, root=root) is None


def unseen(tx: Transaction) -> set[str]:
    """Return the digests in all records that were not looked through.

    Raises:
        LedgerError: `FORGET-BUSY` when there are too many of them.
    """
    rows = tx.all(_UNSEEN, most=MOST_UNSEEN + 1)
    if len(rows) > MOST_UNSEEN:
        raise LedgerError("FORGET-BUSY", "too much is new in the ledger; it is looked through soon")
    return {found for row in rows for found in _TEXTS.findall(str(row[0]))}


def _look(tx: Transaction, row: Sequence[object], most: int) -> int:
    root, upto, length = str(row[0]), int(str(row[1])), int(str(row[2]))
    found = tx.all(_RECORDS, root=root, upto=upto, most=most)
    run = _Run(tx, root)
    rows = [
        (root, seq, one.digest, one.kind, classes, place, state, OPEN, 0)
        for seq, kind, body in ((int(str(r[0])), str(r[1]), json.loads(str(r[2]))) for r in found)
        for one, classes, place, state in run.told(kind, body)
    ]
    if rows:
        tx.insert_all(insert_once, holdings, _COLUMNS, rows)
    last = int(str(found[-1][0])) if found else upto
    if last > upto:
        tx.run(_MOVE, of=root, to=last)
    is_over = bool(row[3]) and row[3] != REVERSING and row[4] is None
    if is_over and last >= length:
        tx.run(_END, of=root, at=find_end(tx, root) or OPEN)
        tx.run(_DONE, of=root)
    elif not is_over:
        tx.run(_END, of=root, at=OPEN)
    return len(found)


@dataclass(slots=True)
class _Run:
    """What the contents of one run are; what was found out once is kept."""

    tx: Transaction
    root: str
    _classes: dict[str, list[str]] = field(default_factory=dict)
    _tools: dict[str, str] | None = None

    def told(self, kind: str, body: JSONObject) -> Iterator[tuple[Reference, str, str, str]]:
        """Yield each content of a record with its classes, its step and its state."""
        place = str(body.get("path") or body.get("gate") or "").partition("#")[0]
        for one in references(kind, body):
            if one.kind in KEPT:
                yield one, label([], is_mixture=False), "", "kept"
            else:
                yield one, self._label(one, body), place, "held"
            if one.kind == "compiled":
                for inner in self._named_in(one.digest):
                    yield inner, label([], is_mixture=False), "", "kept"

    def _named_in(self, compiled: str) -> Iterator[Reference]:
        """Yield what a compiled plan names in turn: contracts, its document, plans inside it."""
        plan = self._json(compiled)
        if not isinstance(plan, dict):
            return
        contracts = set(digests_in(plan.get("contracts")))
        for digest in sorted(set(digests_in(plan)) - {compiled}):
            kind = "contract" if digest in contracts else "plan"
            yield Reference(digest, kind, "")

    def _label(self, one: Reference, body: JSONObject) -> str:
        contract = one.contract or self._contract_of(body)
        if contract:
            return label(self._of_contract(contract), is_mixture=False)
        every = [name for each in self._known().values() for name in self._of_contract(each)]
        return label(every, is_mixture=True)

    def _contract_of(self, body: JSONObject) -> str:
        """Return the contract of the call that a record is about; empty when it is about none."""
        path, direction, gate = body.get("path"), body.get("direction"), body.get("gate")
        if path and isinstance(direction, str):
            row = self.tx.one(_CONTRACT, root=self.root, path=str(path), direction=direction)
            if row is not None:
                return str(row[0])
        if gate:
            row = self.tx.one(_TOOL, root=self.root, gate=str(gate))
            if row is not None:
                return self._known().get(str(row[0]), "")
        return ""

    def _known(self) -> dict[str, str]:
        """Return the contract of each tool in the run's plans."""
        if self._tools is None:
            self._tools = {}
            for row in self.tx.all(_PLANS, root=self.root):
                plan = self._json(str(row[0]))
                named = plan.get("contracts") if isinstance(plan, dict) else None
                if isinstance(named, dict):
                    self._tools |= {tool: str(digest) for tool, digest in named.items()}
        return self._tools

    def _of_contract(self, digest: str) -> list[str]:
        if digest not in self._classes:
            contract = self._json(digest)
            named = contract.get("data_classes") if isinstance(contract, dict) else None
            self._classes[digest] = [str(one) for one in named] if isinstance(named, list) else []
        return self._classes[digest]

    def _json(self, digest: str) -> JSON:
        try:
            found: JSON = json.loads(find_content(self.tx, digest))
        except LedgerError as error:
            # One that was altered is the verifier's to find; it must not stop the others here.
            if error.code == "CONTENT-KEY":
                raise
            return None
        return found
