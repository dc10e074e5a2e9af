"""How old the policies are that decide, and whether they are those of the newest release.

OPA goes on deciding, and stays healthy, when no policies reach it any more; so the enforcement
point bounds that itself. One background task per worker compares what OPA says of its bundle with
the releases in the ledger and leaves a snapshot behind; each answer is compared with the snapshot,
which costs a look-up and some integers. Two clocks run, and either can stop calls:

- *contact*: since when OPA has not heard from whoever serves policies. It is kept in a file too,
  because an OPA that starts from its disk has forgotten it.
- *behind*: since when OPA has had other policies than those released last. Whoever poses as the
  server and answers that nothing is new keeps the contact fresh, but cannot hide a release.

A call that may not be made for its age waits, as without OPA; one under a release below the floor
is denied. A read of data that has no class goes on for longer than whatever has an effect. What
undoes, and what only keeps a run's books, is not held up by age: a run must be able to end. The
bounds are the worker's settings, and what is at stake is told by contracts, since old policies must
not judge their own age.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

import structlog

from remit.canonical import JSONObject
from remit.decision.facts import Action, Facts, PlanStepFact
from remit.decision.release import Release
from remit.enforcement.answer import BUNDLE, PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.contact import contact_ms, error_of, kept_contact
from remit.enforcement.telemetry import (
    POLICY_AGE,
    POLICY_BEHIND,
    POLICY_ERROR,
    POLICY_NEWEST,
    POLICY_SERIAL,
)
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.atomic import write_atomically

Stakes = Literal["high", "low", "none"]
"""What is at stake when policies are old: whatever may have an effect or permit one, a read of what
anybody may know, or nothing, because a run has to be able to end."""

_EVERY_S = 2.0
_PAGE = 500
_log = structlog.get_logger("remit.enforcement")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How old policies may be, in milliseconds."""

    contact_ms: int = 15 * 60 * 1000
    """Without any contact of OPA with whoever serves policies."""
    behind_ms: int = 60 * 1000
    """With other policies than those of the newest release."""
    low_contact_ms: int = 4 * 60 * 60 * 1000
    """`contact_ms` where little is at stake."""
    low_behind_ms: int = 15 * 60 * 1000
    """`behind_ms` where little is at stake."""

    def of(self, stakes: Literal["high", "low"]) -> tuple[int, int]:
        """Return how long without contact, and how long behind."""
        if stakes == "low":
            return self.low_contact_ms, self.low_behind_ms
        return self.contact_ms, self.behind_ms


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was known at one moment; never changed."""

    contact_ms: int
    """When OPA last heard from whoever serves policies; 0 when nobody knows."""
    active: str = ""
    """Revision that OPA said it decides with."""
    newest: Release | None = None
    serials: Mapping[str, int] = field(default_factory=dict)
    """Newest serial of each released revision."""
    behind_since_ms: int | None = None
    """Since when `active` has not been the newest release's; `None` when it is."""

    def serial_of(self, revision: str) -> int:
        """Return the serial of a revision; 0 when the ledger has no such release."""
        return self.serials.get(revision, 0)

    def check(self, revision: str, now_ms: int, bounds: Bounds, stakes: Stakes) -> None:
        """Raise unless a decision under `revision` may be used.

        Raises:
            PolicyInvalidError: `host:revision_below_floor`.
            PolicyUnavailableError: `host:stale_bundle`.
        """
        newest = self.newest
        if newest is not None and 0 < self.serial_of(revision) < newest.floor:
            raise PolicyInvalidError(
                "host:revision_below_floor",
                f"release {self.serial_of(revision)} must not decide any more; the oldest that "
                f"may is {newest.floor}",
            )
        if stakes == "none":
            return
        most_contact_ms, most_behind_ms = bounds.of(stakes)
        if now_ms - self.contact_ms > most_contact_ms:
            raise _stale(f"OPA has heard of no policies {_since(self.contact_ms, now_ms)}")
        # A revision that the snapshot does not know yet came with a release of the last moment.
        is_behind = revision == self.active and self.behind_since_ms is not None
        if newest is None or self.behind_since_ms is None or not is_behind:
            return
        if now_ms - self.behind_since_ms > most_behind_ms:
            serial = self.serial_of(revision) or "no release of the ledger"
            age = _since(self.behind_since_ms, now_ms)
            raise _stale(f"OPA has decided with {serial}, not with release {newest.serial}, {age}")


class Status(Protocol):
    """Whoever can say which bundle OPA has: the OPA client."""

    async def status(self) -> JSONObject:
        """Return OPA's own status."""


class Releases(Protocol):
    """Whoever knows the releases: the ledger."""

    async def since(self, serial: int, most: int) -> Sequence[Release]:
        """Return releases behind `serial`, oldest first."""


class Freshness:
    """Keeps the snapshot up to date, and compares answers with it."""

    def __init__(
        self,
        opa: Status,
        releases: Releases,
        clock: Callable[[], int],
        *,
        bounds: Bounds | None = None,
        kept: Path | None = None,
    ) -> None:
        """Know nothing yet.

        Args:
            opa: Asked for its status.
            releases: Asked for what was released.
            clock: Milliseconds of Unix time.
            bounds: What is too old.
            kept: File that outlives this process, and OPA; without one a start from OPA's disk
                counts as infinitely old until somebody is in contact.
        """
        self._opa = opa
        self._releases = releases
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._kept = kept
        self._snapshot = Snapshot(min(kept_contact(kept), clock()))
        self._said = ""

    @property
    def snapshot(self) -> Snapshot:
        """What is known now."""
        return self._snapshot

    def check(self, revision: str, stakes: Stakes = "high") -> None:
        """Raise unless a decision under `revision` may be used; see `Snapshot.check`."""
        self._snapshot.check(revision, self._clock(), self._bounds, stakes)

    async def look(self) -> None:
        """Look once. What cannot be asked now stays as it was, and ages."""
        known = self._snapshot
        with contextlib.suppress(LedgerError, LedgerUnavailableError):
            known = await self._released(known)
        with contextlib.suppress(PolicyUnavailableError, PolicyInvalidError):
            known = self._seen(known, await self._opa.status())
        is_new = known.contact_ms > self._snapshot.contact_ms
        self._snapshot = replace(known, behind_since_ms=self._behind_since(known))
        if is_new and self._kept is not None:
            self._keep(self._kept, known.contact_ms)
        self._measure()

    async def run(self, pause: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                # The snapshot stays and ages, which is what stops calls in the end.
                _log.exception("the age of the policies cannot be told")
            await pause(_EVERY_S)

    async def _released(self, known: Snapshot) -> Snapshot:
        serials, newest = dict(known.serials), known.newest
        while page := await self._releases.since(newest.serial if newest else 0, _PAGE):
            serials |= {one.revision: one.serial for one in page}
            newest = page[-1]
        return replace(known, serials=serials, newest=newest)

    def _seen(self, known: Snapshot, status: JSONObject) -> Snapshot:
        bundle = _bundle(status)
        said = error_of(bundle)
        POLICY_ERROR.set(bool(said))
        if said and said != self._said:
            _log.warning("OPA cannot take new policies", reason=said[:500])
        self._said = said
        return replace(
            known,
            active=str(bundle.get("active_revision") or ""),
            contact_ms=max(known.contact_ms, contact_ms(bundle)),
        )

    def _behind_since(self, known: Snapshot) -> int | None:
        if known.newest is None or known.active == known.newest.revision:
            return None
        if self._snapshot.behind_since_ms is not None:
            return self._snapshot.behind_since_ms
        return max(known.newest.published_ms, 0)

    def _keep(self, file: Path, contact_ms: int) -> None:
        try:
            write_atomically(file, json.dumps({"contact_ms": contact_ms}).encode())
        except OSError as error:
            _log.warning("the contact cannot be kept", file=str(file), reason=error.strerror)

    def _measure(self) -> None:
        known, now_ms = self._snapshot, self._clock()
        since = known.behind_since_ms
        POLICY_AGE.set((now_ms - known.contact_ms) / 1000)
        POLICY_BEHIND.set(0 if since is None else (now_ms - since) / 1000)
        POLICY_SERIAL.set(known.serial_of(known.active))
        POLICY_NEWEST.set(known.newest.serial if known.newest else 0)


def stakes_of(facts: Facts) -> Stakes:
    """Return what is at stake if the policies that decide are old, by what contracts say."""
    action, plan = facts.action, facts.plan
    if facts.kind == "system" or (action is not None and action.rollback):
        return "none"  # a run must be able to end
    if facts.kind == "call" and action is not None:
        return "low" if action.cost.micros == 0 and _only_looks(action) else "high"
    if facts.kind == "admission" and plan is not None:
        return "low" if all(one.worst == 0 and _only_looks(one) for one in plan.steps) else "high"
    return "high"


def _only_looks(call: Action | PlanStepFact) -> bool:
    """Whether a call reads, and neither takes in nor gives out data of any class."""
    return call.operation == "read" and not (call.data_classes or call.inflow or call.irreversible)


def _stale(message: str) -> PolicyUnavailableError:
    return PolicyUnavailableError("host:stale_bundle", message)


def _since(then_ms: int, now_ms: int) -> str:
    return f"for {(now_ms - then_ms) // 1000} s" if then_ms else "since nobody knows when"


def _bundle(status: JSONObject) -> JSONObject:
    """Return what OPA says of the policies' bundle."""
    bundles = status.get("bundles")
    found = bundles.get(BUNDLE) if isinstance(bundles, dict) else None
    return found if isinstance(found, dict) else {}
