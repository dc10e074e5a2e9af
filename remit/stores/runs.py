"""Runs and admissions as rows."""

from collections.abc import Callable, Sequence
from dataclasses import fields

from sqlalchemy import bindparam, or_, select, update

from remit.canonical import JSONObject
from remit.ledger.amendments import earlier
from remit.ledger.entries import Admission, Content, Record, RunRow
from remit.ledger.errors import LedgerError
from remit.ledger.proofs import Proof
from remit.plan.wire import REVERSING
from remit.stores.chain import Chain
from remit.stores.contents import store_contents
from remit.stores.inserting import insert_new, insert_once
from remit.stores.nonces import need
from remit.stores.schema import admissions, records, runs, unsealed
from remit.stores.statements import Row
from remit.stores.transaction import Question, Transaction

_RUN = [field.name for field in fields(RunRow)]
_ADMISSION = [field.name for field in fields(Admission)]
_SELECT = select(*[runs.c[name] for name in _RUN])
_ONE = _SELECT.where(runs.c.root == bindparam("root"))
_OPEN = (
    _SELECT.where(runs.c.closed == "", runs.c.root > bindparam("after"))
    .order_by(runs.c.root)
    .limit(bindparam("most"))
)
_CLOSE = (
    update(runs)
    .where(
        runs.c.root == bindparam("at_root"), or_(runs.c.closed == "", runs.c.closed == REVERSING)
    )
    .values(closed=bindparam("closed"))
)
_REVERSE = (
    update(runs)
    .where(runs.c.root == bindparam("at_root"), runs.c.closed == "completed")
    .values(closed=REVERSING)
)
_FORGOTTEN = (
    select(records.c.seq)
    .where(records.c.root == bindparam("root"), records.c.kind == "forgotten")
    .limit(1)
)
_END = (
    select(records.c.at_ms)
    .where(records.c.root == bindparam("root"), records.c.kind == "closed")
    .order_by(records.c.seq.desc())
    .limit(1)
)
_ADMITTED = select(*[admissions.c[name] for name in _ADMISSION]).where(
    admissions.c.root == bindparam("root"), admissions.c.path == bindparam("path")
)
_make_run: Callable[..., RunRow] = RunRow
_make_admission: Callable[..., Admission] = Admission


def about(root: str) -> Question:
    """Return the question that `find` asks."""
    return _ONE, {"root": root}


def about_admission(root: str, path: str) -> Question:
    """Return the question that `find_admission` asks."""
    return _ADMITTED, {"root": root, "path": path}


def find(tx: Transaction, root: str) -> RunRow | None:
    """Return a run."""
    row = tx.one(_ONE, root=root)
    return None if row is None else _make_run(*row)


def find_end(tx: Transaction, root: str) -> int:
    """Return when a run was closed last; 0 when no record tells of it."""
    row = tx.one(_END, root=root)
    return int(str(row[0])) if row else 0


def find_open(tx: Transaction, limit: int, after: str) -> Sequence[RunRow]:
    """Return runs not closed yet, by root chain id, beginning behind `after`."""
    return [_make_run(*row) for row in tx.all(_OPEN, after=after, most=limit)]


def find_admission(tx: Transaction, root: str, path: str) -> Admission | None:
    """Return the admission that stands for a path."""
    row: Row | None = tx.one(_ADMITTED, root=root, path=path)
    return None if row is None else _make_admission(*row)


def admit(
    tx: Transaction,
    run: RunRow | None,
    admission: Admission,
    given: Sequence[Content],
    further: Sequence[Record],
    proof: Proof | None = None,
) -> Admission:
    """Record an admission, and its run for the root; once."""
    chain = Chain(tx, admission.root)
    standing = find_admission(tx, admission.root, admission.path)
    if standing is not None:
        before = find_admission(tx, admission.root, earlier(admission.path, admission.compiled))
        if standing.compiled != admission.compiled and before is None:
            raise LedgerError(
                "ADMISSION-DIFFERS",
                f"{admission.path or 'the run'!s}: {standing.compiled} was admitted, "
                f"not {admission.compiled}",
            )
        return standing
    need(tx, admission.root, proof)
    if run is not None:
        _insert_run(tx, chain, run, admission)
    elif chain.closed is None:
        raise LedgerError("RUN-ABSENT", f"{admission.root!r} was never admitted")
    store_contents(tx, given)
    tx.insert(insert_new, admissions, {name: getattr(admission, name) for name in _ADMISSION})
    body = {name: getattr(admission, name) for name in _ADMISSION if name != "root"}
    about: JSONObject = {} if run is None else {"run": _about(run)}
    proven: JSONObject = {} if proof is None else {"proof": proof.recorded()}
    chain.append("admission", {**body, **about, **proven})
    chain.append_all(further)
    chain.save()
    return admission


def _insert_run(tx: Transaction, chain: Chain, run: RunRow, admission: Admission) -> None:
    if (run.root, run.compiled, "") != (admission.root, admission.compiled, admission.path):
        raise LedgerError("ADMISSION-DIFFERS", "the admission is not the one of this run")
    tx.insert(insert_once, runs, {name: getattr(run, name) for name in _RUN})
    chain.closed = chain.closed or run.closed


def _about(run: RunRow) -> JSONObject:
    return {name: getattr(run, name) for name in _RUN if name not in ("root", "closed")}


def close(tx: Transaction, root: str, status: str, further: Sequence[Record]) -> bool:
    """Mark a run closed; return whether it was open."""
    chain = Chain(tx, root)
    if not tx.run(_CLOSE, at_root=root, closed=status):
        return False
    chain.closed = status
    chain.append("closed", {"status": status})
    chain.append_all(further)
    chain.save()
    return True


def reverse(tx: Transaction, root: str) -> None:
    """Open a completed run for its undoing, and have the keeper seal it again afterwards."""
    chain = Chain(tx, root)
    if chain.closed == REVERSING:
        return
    if tx.one(_FORGOTTEN, root=root) is not None:
        told = f"contents of {root!r} were forgotten: nothing could undo it wholly"
        raise LedgerError("ROLLBACK-FORGOTTEN", told)
    if not tx.run(_REVERSE, at_root=root):
        raise LedgerError("ROLLBACK-NOT-COMPLETED", f"{root!r} is {chain.closed or 'open'}")
    found = find(tx, root)
    row = {"root": root, "workflow_id": found.workflow_id if found else ""}
    tx.insert(insert_once, unsealed, row)
    chain.closed = REVERSING
    chain.append("reversal", {"status": REVERSING})
    chain.save()


def append(
    tx: Transaction,
    root: str,
    further: Sequence[Record],
    given: Sequence[Content] = (),
    proof: Proof | None = None,
) -> None:
    """Append records that change nothing else, with the contents that they name."""
    chain = Chain(tx, root)
    need(tx, root, proof)
    store_contents(tx, given)
    chain.append_all(further)
    chain.save()


def deny(tx: Transaction, root: str, further: Sequence[Record]) -> None:
    """Append a denial and count it."""
    chain = Chain(tx, root)
    chain.count_denial()
    chain.append_all(further)
    chain.save()
