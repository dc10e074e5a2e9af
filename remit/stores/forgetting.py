"""Forgetting contents: the run's chain tells it, then the body goes, all in one transaction.

A run lets go of a content; its body goes when no other run holds it and nothing that was not
looked through names it. The tables themselves take no tombstone for a content that is held or of
which no `forgotten` record tells, and let no body go without a tombstone. A process that dies
anywhere in between has done all of a batch or nothing of it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Column, ColumnElement, bindparam, delete, or_, select, update

from remit.canonical import JSON, Digest
from remit.ledger.entries import State
from remit.ledger.errors import LedgerError
from remit.ledger.forgetting import Choice, Discard, Expiry, ForgetOrder, Holding, agreed
from remit.ledger.retention import Periods, classes_of
from remit.plan.wire import REVERSING
from remit.stores import holding, quarantine, rekeying, runs
from remit.stores.archiving import Runs
from remit.stores.chain import Chain
from remit.stores.contents import shut_out, wipe
from remit.stores.expiring import due
from remit.stores.inserting import insert_new
from remit.stores.schema import actions, contents, holdings, retained, tombstones, unsealed
from remit.stores.statements import Value
from remit.stores.transaction import Transaction

BATCH = 200
"""References looked at in one transaction: some milliseconds, for which other writers wait."""
_LOOKED = 500
_PAGE = 2_000
_LINGERING = "lingering"
"""A content that its run let go of, and whose body could not go at that moment."""


def _is(column: Column[str], *values: str) -> ColumnElement[bool]:
    """Return whether a column is one of a few values."""
    return or_(*[column == value for value in values])


_REFERENCES = (
    select(holdings.c.seq, holdings.c.digest)
    .where(
        holdings.c.root == bindparam("root"),
        holdings.c.seq > bindparam("after"),
        _is(holdings.c.state, "held", "kept", "covered"),
    )
    .order_by(holdings.c.seq)
    .limit(bindparam("most"))
)
_NAMED = select(holdings.c.digest, holdings.c.kind, holdings.c.classes, holdings.c.place).where(
    holdings.c.digest == bindparam("digest"),
    holdings.c.root == bindparam("root"),
    holdings.c.state != _LINGERING,
)
_SETTLE = (
    update(holdings)
    .where(
        holdings.c.digest == bindparam("of"),
        holdings.c.root == bindparam("at_root"),
        holdings.c.classes == bindparam("as_classes"),
        _is(holdings.c.state, "held", "covered"),
    )
    .values(state=bindparam("to_state"))
)
_LET_GO = delete(holdings).where(
    holdings.c.digest == bindparam("of"), holdings.c.root == bindparam("at_root")
)
_HELD = (
    select(holdings.c.root)
    .where(holdings.c.digest == bindparam("digest"), _is(holdings.c.state, "held", "kept"))
    .where(holdings.c.root != bindparam("but"))
    .limit(1)
)
_STANDS = select(contents.c.digest).where(
    contents.c.digest == bindparam("digest"),
    ~select(tombstones.c.digest).where(tombstones.c.digest == contents.c.digest).exists(),
)
_LINGER = (
    select(holdings.c.digest, holdings.c.root, holdings.c.gone)
    .where(holdings.c.state == _LINGERING)
    .limit(bindparam("most"))
)
_UNSEALED = select(unsealed.c.root).where(unsealed.c.root == bindparam("root"))
_UNSETTLED = (
    select(actions.c.path)
    .where(
        actions.c.root == bindparam("root"),
        _is(actions.c.state, State.OPEN.value, State.IN_DOUBT.value),
    )
    .limit(1)
)
_RETAINED = select(retained.c.by, retained.c.reason).where(retained.c.root == bindparam("root"))


@dataclass(slots=True)
class Forgotten:
    """What came of it."""

    contents: int = 0
    """Contents that the run let go of."""
    held: int = 0
    """Of those: how many bodies stay, for another run holds them."""
    gone: list[Digest] = field(default_factory=list)
    """Those whose bodies are gone."""
    last: int = 0
    """Record up to which the run's references were looked at."""
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class _Released:
    named: Holding
    rule: str
    is_held: bool
    """Whether another run holds it, or may."""


def forget(tx: Transaction, root: str, choice: Choice, after: int, most: int) -> Forgotten:
    """Let a run go of what `choice` says among its next `most` references behind `after`.

    Raises:
        LedgerError: `RUN-ABSENT`, `FORGET-OPEN`, `FORGET-RETAINED`, `FORGET-BUSY`.
    """
    shut_out(tx)
    check(tx, root)
    rows = tx.all(_REFERENCES, root=root, after=after, most=most)
    done = let_go(tx, root, choice, list(dict.fromkeys(str(row[1]) for row in rows)))
    done.last = int(str(rows[-1][0])) if rows else after
    done.is_done = len(rows) < most
    return done


def let_go(tx: Transaction, root: str, choice: Choice, digests: Sequence[Digest]) -> Forgotten:
    """Let a run go of what `choice` says among these; `shut_out` and `check` went before."""
    done = Forgotten()
    unseen = holding.unseen(tx) if digests else set()
    released = [one for digest in digests if (one := _released(tx, root, digest, choice, unseen))]
    if released:
        _release(tx, root, choice, released, done)
    return done


def check(tx: Transaction, root: str) -> None:
    """Refuse to forget anything of a run that is at work, is to be kept, or is not known well."""
    run = runs.find(tx, root)
    if run is None:
        raise LedgerError("RUN-ABSENT", f"the ledger knows no run {root!r}")
    if not run.closed or run.closed == REVERSING or tx.one(_UNSEALED, root=root) is not None:
        raise LedgerError("FORGET-OPEN", f"{root!r} is not over: it needs what it named")
    if tx.one(_UNSETTLED, root=root) is not None:
        raise LedgerError("FORGET-OPEN", f"a call of {root!r} is open or in doubt")
    hold = tx.one(_RETAINED, root=root)
    if hold is not None:
        raise LedgerError("FORGET-RETAINED", f"{hold[0]!s} retains {root!r}: {hold[1]!s}")
    if not holding.is_looked_through(tx, root):
        raise LedgerError("FORGET-BUSY", f"{root!r} was not looked through yet; ask again")


def _released(
    tx: Transaction, root: str, digest: Digest, choice: Choice, unseen: set[str]
) -> _Released | None:
    named = [Holding(*map(str, row)) for row in tx.all(_NAMED, digest=digest, root=root)]
    rule = agreed(choice, named)
    if rule is None or tx.one(_STANDS, digest=digest) is None:
        if choice.how == "expired":
            # Found once is enough: what must be kept longer in this run answers for it.
            for one in named:
                state = "held" if choice.rule(one) is None else "covered"
                tx.run(_SETTLE, of=digest, at_root=root, as_classes=one.classes, to_state=state)
        return None
    is_held = digest in unseen or tx.one(_HELD, digest=digest, but=root) is not None
    return _Released(named[0], rule, is_held)


def _release(
    tx: Transaction, root: str, choice: Choice, released: Sequence[_Released], done: Forgotten
) -> None:
    chain = Chain(tx, root)
    seq = chain.next_seq
    told: list[JSON] = [
        {
            "digest": one.named.digest,
            "kind": one.named.kind,
            "classes": list[JSON](classes_of(one.named.classes)),
            "rule": one.rule,
            "held": one.is_held,
        }
        for one in released
    ]
    body: dict[str, JSON] = {
        "how": choice.how,
        "by": choice.by,
        "reason": choice.reason,
        "contents": told,
    }
    chain.append("forgotten", body)
    chain.save()
    # The tables take no tombstone before the record that tells of it.
    tx.send()
    for one in released:
        digest = one.named.digest
        tx.run(_LET_GO, of=digest, at_root=root)
        done.contents += 1
        if one.is_held:
            done.held += 1
            _linger(tx, root, seq, one.named)
        else:
            _remove(tx, digest, root, seq)
            done.gone.append(digest)


def _remove(tx: Transaction, digest: Digest, root: str, seq: int) -> None:
    tx.insert(insert_new, tombstones, {"digest": digest, "root": root, "seq": seq})
    tx.send()
    wipe(tx, digest)


def _linger(tx: Transaction, root: str, seq: int, named: Holding) -> None:
    row: dict[str, Value] = {
        "root": root,
        "seq": seq,
        "digest": named.digest,
        "kind": named.kind,
        "classes": named.classes,
        "place": named.place,
        "state": _LINGERING,
        "ended_ms": holding.OPEN,
        "gone": seq,
    }
    tx.insert(insert_new, holdings, row)


def sweep(tx: Transaction, most: int) -> Sequence[Digest]:
    """Remove bodies that could not go when the last run let go of them; return which."""
    shut_out(tx)
    rows = [(str(r[0]), str(r[1]), int(str(r[2]))) for r in tx.all(_LINGER, most=most)]
    unseen = holding.unseen(tx) if rows else set()
    gone = []
    for digest, root, seq in rows:
        if digest in unseen:
            continue
        tx.run(_LET_GO_LINGERING, of=digest, at_root=root)
        if tx.one(_HELD, digest=digest, but="") is None and tx.one(_STANDS, digest=digest):
            _remove(tx, digest, root, seq)
            gone.append(digest)
    return gone


_LET_GO_LINGERING = delete(holdings).where(
    holdings.c.digest == bindparam("of"),
    holdings.c.root == bindparam("at_root"),
    holdings.c.state == _LINGERING,
)


def retain(tx: Transaction, root: str, by: str, reason: str, *, is_release: bool) -> None:
    """Keep everything of a run until it is released, or release it; again changes nothing."""
    if runs.find(tx, root) is None:
        raise LedgerError("RUN-ABSENT", f"the ledger knows no run {root!r}")
    chain = Chain(tx, root)
    if (tx.one(_RETAINED, root=root) is None) is is_release:
        return
    if is_release:
        tx.remove(retained, {"root": root})
    else:
        row: dict[str, Value] = {"root": root, "by": by, "reason": reason, "at_ms": tx.now_ms}
        tx.insert(insert_new, retained, row)
    state = "released" if is_release else "retained"
    chain.append("retention", {"state": state, "by": by, "reason": reason})
    chain.save()


def discard(tx: Transaction, root: str, reference: str, by: str, reason: str) -> Forgotten:
    """Let a run go of an answer in quarantine, and write that nobody wants it."""
    row = quarantine.ending(tx, reference, root, "discarded", by, reason)
    if row is None:
        return Forgotten()
    shut_out(tx)
    check(tx, root)
    choice = Discard(by, reason, row.output, row.path)
    done = let_go(tx, root, choice, [row.output])
    quarantine.end(tx, row, "discarded", by, reason)
    return done


class ForgettingStore:
    """What contents are and how they are forgotten, of one ledger."""

    def __init__(
        self, write: Runs, read: Runs, scrub: Callable[[Sequence[Digest]], Awaitable[None]]
    ) -> None:
        """Work through the ledger's own transactions; `scrub` wipes what is left of bodies."""
        self._write = write
        self._read = read
        self._scrub = scrub

    async def look_through(self) -> int:
        """Look through all records that are new; return how many there were."""
        found, seen = holding.Looked(), 0
        while not found.is_done:
            work = partial(holding.look_through, after=found.after, most=_LOOKED)
            found = await self._write(work)
            seen += found.records
        return seen

    async def due(self, periods: Periods, window_ms: int) -> Sequence[str]:
        """Return runs with contents whose period is over."""
        work = partial(due, periods=periods, window_ms=window_ms, most=_PAGE)
        return await self._read(work)

    async def expire(self, root: str, periods: Periods, window_ms: int) -> Forgotten:
        """Forget what is over of a run."""

        def batch(tx: Transaction, after: int) -> Forgotten:
            ended = runs.find_end(tx, root)
            age_ms = tx.now_ms - ended if ended else -1
            return forget(tx, root, Expiry(periods, age_ms, window_ms), after, BATCH)

        return await self._all(batch)

    async def order(self, root: str, order: ForgetOrder) -> Forgotten:
        """Forget what somebody orders; see `forget` for what refuses it."""
        return await self._all(lambda tx, after: forget(tx, root, order, after, BATCH))

    async def _all(self, batch: Callable[[Transaction, int], Forgotten]) -> Forgotten:
        total = Forgotten()
        while not total.is_done:
            # Short behind it, so that little is left for who deletes to look through itself.
            await self.look_through()
            one = await self._write(partial(_from, batch, total.last))
            total.contents += one.contents
            total.held += one.held
            total.gone += one.gone
            total.last, total.is_done = one.last, one.is_done
        if total.gone:
            await self._scrub(total.gone)
        return total

    async def sweep(self) -> int:
        """Remove bodies that no run holds any more; return how many went."""
        gone = await self._write(partial(sweep, most=BATCH))
        if gone:
            await self._scrub(gone)
        return len(gone)

    async def retain(self, root: str, by: str, reason: str) -> None:
        """Let nothing of a run be forgotten until it is released."""
        await self._write(partial(retain, root=root, by=by, reason=reason, is_release=False))

    async def release(self, root: str, by: str, reason: str) -> None:
        """End a retention."""
        await self._write(partial(retain, root=root, by=by, reason=reason, is_release=True))

    async def pass_on(self, root: str, reference: str, by: str, reason: str) -> None:
        """Let an answer in quarantine pass from now on."""
        work = partial(quarantine.release, reference=reference, root=root, by=by, reason=reason)
        await self._write(work)

    async def discard(self, root: str, reference: str, by: str, reason: str) -> Forgotten:
        """Forget an answer in quarantine; see `forget` for what refuses it."""
        await self.look_through()
        work = partial(discard, reference=reference, root=root, by=by, reason=reason)
        done = await self._write(work)
        if done.gone:
            await self._scrub(done.gone)
        return done

    async def rekey(self) -> rekeying.Rekeyed:
        """Write every content anew that is not under the current key; bounded batches."""
        done = rekeying.Rekeyed()
        while not done.is_done:
            done = await self._write(partial(rekeying.rekey, done=done))
        await self._scrub([])
        return done


def _from(batch: Callable[[Transaction, int], Forgotten], after: int, tx: Transaction) -> Forgotten:
    return batch(tx, after)
