"""`remit policy publish` and `remit policy rollback`: a release in the ledger, and its arrival.

The ledger is all that is written to: every publisher that serves from it, on this machine or
another, takes the newest release within a moment.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from remit.cli.errors import ExitCode, stack, usage
from remit.cli.evidence.ledger import opened
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.cli.policy_delivery.building import built, signing_key
from remit.cli.policy_delivery.promotion import Candidate, Leave, promotion_of
from remit.cli.stack.health import OpaHealth
from remit.cli.stack.layout import Layout
from remit.cli.stack.postgres import KEEPER
from remit.cli.stack.profile import profile_of
from remit.cli.stack.project import load_project
from remit.cli.stack.state import load
from remit.decision.release import Draft, Release
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.stores.canaries import CanaryStore
from remit.stores.releases import ReleaseStore

R = TypeVar("R")

_POLL_S = 0.1
_MOST = 1000
_SHORTEST = 8
"""Fewest digits of a revision that name it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What both commands are told."""

    by: str
    reason: str
    floor: bool
    wait_s: float
    project: Path | None
    as_json: bool

    @property
    def layout(self) -> Layout:
        """The project's places."""
        return Layout(find_project(self.project))


def publish(order: Order, report: Path | None, key: Path | None) -> int:
    """Release what stands in the project's policy folder."""
    layout = order.layout
    bundle = built(layout, signing_key(layout, key))
    profile = profile_of(layout, load(layout.state))
    reviewed = load_project(layout.project).policy.is_reviewed(profile)

    async def put() -> tuple[Release, bool]:
        async with releases_of(layout) as store:
            newest = await store.newest()
            if newest and (newest.revision, newest.key) == (bundle.revision, bundle.key):
                return newest, False
            # The first of all has no predecessor that could judge it.
            leave = Leave("", ())
            if reviewed and newest is not None:
                wanted = Candidate(layout.project, bundle.revision, order.by, profile, newest)
                leave = await promotion_of(report, wanted)
            draft = Draft(
                revision=bundle.revision,
                key=bundle.key,
                origin="published",
                author=order.by,
                reason=order.reason,
                approvals=leave.approvals,
                report=leave.report,
                raises_floor=order.floor,
            )
            made = await store.publish(draft, bundle.content, newest.serial if newest else 0)
            return made, True

    return _told(order, layout, *reading(put()))


def roll_back(order: Order, to: str) -> int:
    """Release an earlier release again."""
    layout = order.layout

    async def put() -> tuple[Release, bool]:
        async with releases_of(layout) as store:
            newest, found = await store.newest(), await named(store, to)
            if newest is None or found is None:
                hint = "`remit policy releases` lists them"
                raise usage("RELEASE-UNKNOWN", f"the ledger has no release {to!r}", hint)
            if found.revision == newest.revision:
                return newest, False
            _check(found, newest)
            draft = Draft(
                revision=found.revision,
                key=found.key,
                origin="rolled_back",
                author=order.by,
                reason=order.reason,
                raises_floor=order.floor,
            )
            archive = await store.archive(found)
            return await store.publish(draft, archive, newest.serial), True

    return _told(order, layout, *reading(put()))


async def named(store: ReleaseStore, name: str) -> Release | None:
    """Return the release with this serial, or the newest one whose revision begins so."""
    exact = await store.find(name)
    if exact is not None or name.isdecimal():
        return exact
    digits = name.removeprefix("sha256:")
    if len(digits) < _SHORTEST:
        return None
    found = [one for one in await store.last(_MOST) if one.revision[7:].startswith(digits)]
    return found[0] if len({one.revision for one in found}) == 1 else None


def _check(found: Release, newest: Release) -> None:
    """Refuse what no OPA would take, or what must not decide any more."""
    if found.serial < newest.floor:
        message = f"release {found.serial} must not decide any more: the floor is {newest.floor}"
        raise usage("RELEASE-BELOW-FLOOR", message, "put its policies right and publish them anew")
    if found.key != newest.key:
        message = f"release {found.serial} was signed by {found.key}, which is not in use any more"
        raise usage("POLICY-KEY", message, "publish its policies anew, signed by the key of today")


@asynccontextmanager
async def releases_of(layout: Layout) -> AsyncIterator[ReleaseStore]:
    """Open the project's ledger for its releases."""
    async with opened(layout, KEEPER) as ledger:
        yield ledger.releases


@asynccontextmanager
async def canaries_of(layout: Layout) -> AsyncIterator[CanaryStore]:
    """Open the project's ledger for its canaries."""
    async with opened(layout, KEEPER) as ledger:
        yield ledger.canaries


def reading(work: Coroutine[None, None, R]) -> R:
    """Do something with the releases.

    Raises:
        CliError: the ledger does not answer; exit code 3.
    """
    try:
        return asyncio.run(work)
    except (LedgerError, LedgerUnavailableError) as error:
        code = getattr(error, "code", "LEDGER-UNAVAILABLE")
        raise stack(code, str(error), "nothing was released; try again") from error


def _told(order: Order, layout: Layout, made: Release, is_new: bool) -> int:
    begun = time.monotonic()
    is_active = _arrived(layout, made, order.wait_s)
    took_s = round(time.monotonic() - begun, 1)
    document = {"ok": True, "is_new": is_new, "is_active": is_active} | made.model_dump(mode="json")
    was = "" if is_new else "was in force already: "
    lines = [f"{was}release {made.serial}, revision {made.revision}"]
    if is_active:
        lines.append(f"the stack's OPA decides with it (after {took_s} s)")
    elif is_active is False:
        lines.append("the stack's OPA does not decide with it yet; `remit status` tells why")
    answer(document, lines, as_json=order.as_json)
    return ExitCode.OK


def _arrived(layout: Layout, made: Release, wait_s: float) -> bool | None:
    """Wait until the stack's OPA decides with a release; `None` when no stack runs here."""
    record = load(layout.state).components.get("opa")
    if record is None or not isinstance(record.health, OpaHealth):
        return None
    until = time.monotonic() + wait_s
    while record.health.revision() != made.revision:
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_S)
    return True
