"""The ledger on SQL tables: `SqlLedger` implements the port `remit.ledger.protocol.Ledger`.

What each method asks of the database stands in the modules beside this one, and how the database is
reached in `remit.stores.access`.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from functools import partial

from remit.canonical import Digest, JSONObject
from remit.ledger.amendments import Amending
from remit.ledger.entries import (
    NO_BOUNDS,
    Action,
    Admission,
    Bounds,
    Content,
    FrozenUndo,
    GateRow,
    Intent,
    Outcome,
    Record,
    RunRow,
    Situation,
    Totals,
    VoteRow,
)
from remit.ledger.limits import Breaker, HeldSlot
from remit.ledger.proofs import Proof
from remit.ledger.quarantine import QuarantineRow
from remit.ledger.stops import CHAIN, Stop
from remit.plan.path import StepKey
from remit.stores import amending as amendments
from remit.stores import chain, deeds, effects, gates, limits, quarantine, reading, runs
from remit.stores import stops as stopping
from remit.stores.access import Access
from remit.stores.contents import check_digests, find_content, store_contents
from remit.stores.database import database_of
from remit.stores.foresight import Wanted
from remit.stores.keys import agree
from remit.stores.migrate import migrate
from remit.stores.reservations import find_value
from remit.stores.session import Clock
from remit.stores.vault import VARIABLE, Vault, load_vault


def wall_ms() -> int:
    """Return the clock's milliseconds of Unix time."""
    return time.time_ns() // 1_000_000


async def open_ledger(
    url: str,
    *,
    deadline_s: float = 5.0,
    clock: Clock = wall_ms,
    bound: int = 2048,
    cache_bytes: int = 32 * 1024 * 1024,
    vault: Vault | None = None,
) -> "SqlLedger":
    """Open the ledger at `url`, making or upgrading its tables first.

    Args:
        url: `sqlite:///FILE` or `postgresql+psycopg://USER@HOST/DATABASE?password_file=PATH`.
        deadline_s: Longest that any call waits, in seconds.
        clock: Milliseconds of Unix time.
        bound: Most writes, and most reads, that may wait at once.
        cache_bytes: Most bytes of contents kept in memory.
        vault: What contents are encrypted with; by default what `REMIT_CONTENT_KEYS` says.

    Raises:
        LedgerError: `LEDGER-TOO-NEW` when a newer Remit made it; `CONTENT-KEY` when a key is not
            at hand that its contents are encrypted with.
        LedgerUnavailableError: when it cannot be opened, or is something else.
        ValueError: `url` is not one that a ledger can live at.
    """
    vault = vault or load_vault(os.environ.get(VARIABLE, ""), os.environ)
    await asyncio.to_thread(migrate, url)
    await asyncio.to_thread(agree, url, vault, clock())
    database = database_of(url)
    engine = database.open_engine(url, 0)
    return SqlLedger(
        engine,
        database,
        deadline_s=deadline_s,
        clock=clock,
        bound=bound,
        cache_bytes=cache_bytes,
        vault=vault,
    )


class SqlLedger(Access):
    """The effect-once ledger; see `remit.ledger.protocol.Ledger` for what its methods promise."""

    # content

    async def put(self, contents: Sequence[Content]) -> None:
        """Store values under their digests."""
        fresh = [content for content in contents if self._cache.get(content.digest) is None]
        if fresh:
            check_digests(fresh)
            await self._write(Wanted(), partial(store_contents, given=fresh))
            self._cache.add(fresh)

    async def get(self, digest: Digest) -> bytes:
        """Return a stored value."""
        known = self._cache.get(digest)
        if known is None:
            known = await self._read(partial(find_content, digest=digest))
            self._cache.add([Content(digest, known)])
        return known

    # runs

    async def admit(
        self,
        run: RunRow | None,
        admission: Admission,
        contents: Sequence[Content],
        records: Sequence[Record],
        proof: Proof | None = None,
    ) -> Admission:
        """Record an admission once; return the one that stands."""
        check_digests(contents)
        work = partial(
            runs.admit, run=run, admission=admission, given=contents, further=records, proof=proof
        )
        return await self._write(Wanted(admission.root), work)

    async def amend(
        self, amending: Amending, contents: Sequence[Content], records: Sequence[Record]
    ) -> Admission:
        """Put an amended plan in force, once; return the admission that stands."""
        check_digests(contents)
        work = partial(amendments.amend, amending=amending, given=contents, further=records)
        return await self._write(Wanted(amending.admission.root), work)

    async def reverse(self, root: str) -> None:
        """Open a completed run for its undoing."""
        await self._write(Wanted(root), partial(runs.reverse, root=root))

    async def run(self, root: str) -> RunRow | None:
        """Return a run."""
        return await self._read(partial(runs.find, root=root))

    async def ended_ms(self, root: str) -> int:
        """Return when the ledger learned that a run was over."""
        return await self._read(partial(runs.find_end, root=root))

    async def admission(self, root: str, path: str) -> Admission | None:
        """Return the admission below a path."""
        return await self._read(partial(runs.find_admission, root=root, path=path))

    async def open_runs(self, limit: int, after: str = "") -> Sequence[RunRow]:
        """Return runs not closed yet."""
        return await self._read(partial(runs.find_open, limit=limit, after=after))

    async def close_run(self, root: str, status: str, records: Sequence[Record]) -> bool:
        """Mark a run closed."""
        return await self._write(
            Wanted(root), partial(runs.close, root=root, status=status, further=records)
        )

    async def append(
        self,
        root: str,
        records: Sequence[Record],
        contents: Sequence[Content] = (),
        proof: Proof | None = None,
    ) -> None:
        """Append records that change nothing else."""
        check_digests(contents)
        work = partial(runs.append, root=root, further=records, given=contents, proof=proof)
        await self._write(Wanted(root), work)

    async def deny(self, root: str, key: StepKey, records: Sequence[Record]) -> None:
        """Append a denial and count it."""
        await self._write(Wanted(root), partial(runs.deny, root=root, further=records))

    # the protocol of design.md §7

    async def look(self, key: StepKey) -> Situation:
        """Return what is known about a step key and its surroundings."""
        return await self._read(partial(reading.look, key=key))

    async def done_on(self, resource: Digest) -> Sequence[str]:
        """Return the tools with a `do` about a thing that stands."""
        return await self._read(partial(deeds.find, scope=resource))

    async def begin(self, intent: Intent) -> int:
        """Record an intent; return the attempt's number."""
        given = [intent.arguments, *intent.contents]
        check_digests([*given, *([intent.facts] if intent.facts else [])])
        counters = [one.counter for one in intent.reserve]
        wanted = _about(intent.key, [*counters, *limits.names_of(intent.bounds)])
        attempt = await self._write(wanted, partial(effects.begin, intent=intent))
        self._cache.add(given)
        return attempt

    async def take_over(
        self,
        key: StepKey,
        attempt: int,
        owner: str,
        until_ms: int,
        stops: Sequence[str] = (),
        bounds: Bounds = NO_BOUNDS,
    ) -> int:
        """Take an open attempt whose lease has run out."""
        work = partial(
            effects.take_over,
            key=key,
            attempt=attempt,
            owner=owner,
            until_ms=until_ms,
            held_by=stops,
            bounds=bounds,
        )
        return await self._write(_about(key, limits.names_of(bounds)), work)

    async def give_up(self, key: StepKey, attempt: int, owner: str, why: str) -> Action:
        """Take an open attempt whose lease has run out, and leave it in doubt."""
        work = partial(effects.give_up, key=key, attempt=attempt, owner=owner, why=why)
        return await self._write(_about(key), work)

    async def finish(self, outcome: Outcome) -> Action:
        """Record how an attempt ended."""
        given = [*([outcome.output] if outcome.output else []), *outcome.contents]
        check_digests(given)
        wanted = _about(outcome.key, limits.names_of(Bounds(breaking=outcome.bounds.breaking)))
        action = await self._write(wanted, partial(effects.finish, outcome=outcome))
        self._cache.add(given)
        return action

    async def resolve(
        self,
        key: StepKey,
        happened: bool,
        evidence: JSONObject,
        undo: FrozenUndo | None = None,
        contents: Sequence[Content] = (),
    ) -> Action:
        """Record a person's answer about a call in doubt."""
        check_digests(contents)
        work = partial(
            effects.resolve,
            key=key,
            happened=happened,
            evidence=evidence,
            undo=undo,
            given=contents,
        )
        return await self._write(_about(key), work)

    async def repair(self, key: StepKey, order: str, evidence: JSONObject) -> Action:
        """Record how a person settles an undo that was refused or failed."""
        work = partial(effects.repair, key=key, order=order, evidence=evidence)
        return await self._write(_about(key), work)

    async def fence(self, root: str, parent: str, step: str = "") -> None:
        """Refuse every further `do` of a path and below it."""
        await self._write(Wanted(root), partial(effects.fence, root=root, parent=parent, step=step))

    async def outputs(self, root: str, parent: str, step: str) -> Sequence[Action]:
        """Return the happened `do` calls of a step, newest generation."""
        return await self._read(partial(reading.outputs, root=root, parent=parent, step=step))

    async def record_part(
        self, outcome_of: StepKey, compiled: Digest, output: Content | None
    ) -> None:
        """Record that a sub-plan finished."""
        check_digests([output] if output else [])
        work = partial(effects.record_part, key=outcome_of, compiled=compiled, output=output)
        await self._write(_about(outcome_of), work)

    async def skip(self, key: StepKey, records: Sequence[Record]) -> None:
        """Record that a step's `when` was false."""
        await self._write(_about(key), partial(effects.skip, key=key, further=records))

    async def skipped(self, root: str, parent: str, step: str) -> Sequence[StepKey]:
        """Return the skipped calls of a step."""
        return await self._read(partial(reading.skipped, root=root, parent=parent, step=step))

    async def begun(self, root: str, parent: str, step: str = "") -> Sequence[Action]:
        """Return every `do` and `undo` of a path and all paths below it."""
        return await self._read(partial(reading.begun, root=root, parent=parent, step=step))

    # gates

    async def open_gate(self, gate: GateRow, records: Sequence[Record]) -> GateRow:
        """Open a gate, or return the one that stands."""
        return await self._write(
            Wanted(gate.root), partial(gates.open_gate, gate=gate, further=records)
        )

    async def gates(self, root: str) -> Sequence[GateRow]:
        """Return all gates of a run."""
        return await self._read(partial(gates.find_all, root=root))

    async def vote(self, root: str, votes: Sequence[VoteRow]) -> Sequence[VoteRow]:
        """Record votes and the ends that gates reach by them."""
        return await self._write(Wanted(root), partial(gates.vote, root=root, given=votes))

    async def votes(self, gate: str, root: str) -> Sequence[VoteRow]:
        """Return the recorded votes of a gate."""
        return await self._read(partial(gates.find_votes, root=root, gate=gate))

    async def end_gate(self, root: str, gate: str, state: str) -> str:
        """Close an open gate; return the state that stands."""
        return await self._write(
            Wanted(root), partial(gates.end_gate, root=root, gate_id=gate, state=state)
        )

    # stops

    async def stop(self, stop: Stop) -> bool:
        """Begin or end a stop and record it."""
        return await self._write(Wanted(CHAIN), partial(stopping.write, stop=stop))

    async def stops(self) -> Sequence[Stop]:
        """Return the stops in force."""
        return await self._read(stopping.find)

    # limits

    async def room(self, key: StepKey, bounds: Bounds) -> None:
        """Refuse a call that would have to wait now."""
        await self._read(partial(limits.check, key=key, bounds=bounds))

    async def taken(self, name: str) -> int:
        """Return how many calls hold a slot of a name."""
        return await self._read(partial(limits.taken, name=name))

    async def held_slots(self) -> Sequence[HeldSlot]:
        """Return every slot that a call holds."""
        return await self._read(limits.held)

    async def breaker(self, name: str) -> Breaker:
        """Return how a breaker stands."""
        return await self._read(partial(limits.find, name=name))

    async def breakers(self) -> Sequence[Breaker]:
        """Return all breakers that ever counted a failure."""
        return await self._read(limits.find_all)

    # quarantine

    async def released(self, tenant: str, tool: str, output: Digest) -> str:
        """Return by which release this very answer passes."""
        work = partial(quarantine.released, tenant=tenant, tool=tool, output=output)
        return await self._read(work)

    async def quarantined(self, reference: str) -> QuarantineRow | None:
        """Return an answer that is or was in quarantine."""
        return await self._read(partial(quarantine.find, reference=reference))

    async def quarantine(self, state: str, most: int) -> Sequence[QuarantineRow]:
        """Return the answers in a state, the newest first."""
        return await self._read(partial(quarantine.find_all, state=state, most=most))

    # reading the chain

    async def records(self, root: str, after: int = 0, limit: int = 1000) -> Sequence[JSONObject]:
        """Return records of a run's chain."""
        return await self._read(partial(reading.chain_records, root=root, after=after, limit=limit))

    async def totals(self, root: str) -> Totals:
        """Return a run's aggregates."""
        return await self._read(partial(chain.find_totals, root=root))

    async def counter(self, name: str) -> int:
        """Return the value of a counter; 0 when nobody raised it."""
        return await self._read(partial(find_value, name=name))


def _about(key: StepKey, counters: Sequence[str] = ()) -> Wanted:
    return Wanted(key.root, key.path, counters)
