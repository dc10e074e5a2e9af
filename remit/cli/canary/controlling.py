"""`remit policy canary start|status|stop`: a candidate that decides for a share of the runs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from remit.cli.errors import ExitCode, usage
from remit.cli.output import Document, answer, note
from remit.cli.place import find_project
from remit.cli.policy_delivery.building import built, signing_key
from remit.cli.policy_delivery.promotion import Candidate, Leave, promotion_of
from remit.cli.policy_delivery.publishing import canaries_of, reading, releases_of
from remit.cli.questions.words import moment, short
from remit.cli.stack import candidate as served
from remit.cli.stack.bundle import Bundle
from remit.cli.stack.layout import CANARY, Layout
from remit.cli.stack.profile import profile_of
from remit.cli.stack.project import load_project
from remit.cli.stack.state import load
from remit.decision.canary import LEAD_MS, Canary, Draft, End, Limits, Standing, Tally
from remit.decision.release import Release
from remit.ledger.errors import LedgerError
from remit.stores.canaries import standing_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall decide for a share of the runs."""

    candidate: Path
    percent: int
    minutes: int
    by: str
    reason: str
    report: Path | None
    limits: Limits
    key: Path | None


def start(wanted: Wanted, project: Path | None, *, as_json: bool) -> int:
    """Build the candidate, have it judged where that is asked for, serve it, and tell the ledger.

    Raises:
        CliError: `FILE-UNREADABLE`, `CANARY-NO-RELEASE`, `CANARY-RUNNING`, `CANARY-SAME`,
            `CANARY-OVERTAKEN`, `RELEASE-BELOW-FLOOR`, `POLICY-NOT-PROMOTED`; none decides then.
    """
    folder = find_project(project)
    if not wanted.candidate.is_dir():
        hint = "name a folder as `policies` of a project is one"
        raise usage("FILE-UNREADABLE", f"{str(wanted.candidate)!r} is no folder", hint)
    layout = Layout(folder.resolve())
    key = signing_key(layout, wanted.key)
    apart = replace(key, scope=served.scope_beside(key.scope, CANARY))
    bundle = built(layout, apart, wanted.candidate)
    base, leave = reading(_allowed(layout, wanted, bundle))
    served.serve(folder, CANARY, bundle, apart.scope, note)
    draft = Draft(
        revision=bundle.revision,
        key=bundle.key,
        source=str(wanted.candidate.resolve())[:1000],
        percent=wanted.percent,
        lasts_ms=wanted.minutes * 60_000,
        base=base.serial,
        author=wanted.by,
        reason=wanted.reason,
        approvals=leave.approvals,
        report=leave.report,
        limits=wanted.limits,
    )
    try:
        made = reading(_begun(layout, draft, bundle.content))
    except BaseException:
        served.clear(folder, CANARY, note)
        raise
    document = {"ok": True, **made.model_dump(mode="json")}
    lines = [
        f"canary {made.number}: {short(made.revision)} decides for {made.percent} % of the runs "
        f"that begin in {LEAD_MS // 1000} s and later, until {moment(made.until_ms)}",
        "`remit policy canary status` tells how it does; `stop` takes it back",
    ]
    answer(document, lines, as_json=as_json)
    return ExitCode.OK


async def _allowed(layout: Layout, wanted: Wanted, bundle: Bundle) -> tuple[Release, Leave]:
    """Return the release in force, and the leave that its policies give."""
    async with releases_of(layout) as store:
        newest, known = await store.newest(), await store.find(bundle.revision)
    if newest is None:
        hint = "`remit policy publish` makes the first"
        raise usage("CANARY-NO-RELEASE", "the ledger has no release to stand beside", hint)
    if newest.revision == bundle.revision:
        told = f"release {newest.serial} is in force with these very policies"
        raise usage("CANARY-SAME", told, "name the folder of the candidate")
    if known is not None and known.serial < newest.floor:
        told = f"these are the policies of release {known.serial}; the floor is {newest.floor}"
        raise usage("RELEASE-BELOW-FLOOR", told, "put them right: what decides has to be another")
    async with canaries_of(layout) as canaries:
        standing = await standing_of(canaries)
    running = standing.in_force(_now_ms())
    if running is not None:
        told = f"canary {running.number} decides for a share of the runs already"
        raise usage("CANARY-RUNNING", told, "`remit policy canary stop` takes it back")
    profile = profile_of(layout, load(layout.state))
    if not load_project(layout.project).policy.is_reviewed(profile):
        # Whoever may save a policy for all runs may save one for a share of them.
        return newest, Leave("", ())
    asked = Candidate(
        layout.project, bundle.revision, wanted.by, profile, newest, wanted.candidate.resolve()
    )
    return newest, await promotion_of(wanted.report, asked)


async def _begun(layout: Layout, draft: Draft, archive: bytes) -> Canary:
    async with canaries_of(layout) as store:
        try:
            return await store.start(draft, archive)
        except LedgerError as error:
            raise usage(error.code, str(error), "`remit policy canary status`") from error


def status(project: Path | None, *, as_json: bool) -> int:
    """Print how the canary is, or how the last one ended."""
    folder = find_project(project)
    standing = reading(_standing(Layout(folder.resolve())))
    canary = standing.canary
    if canary is None:
        answer({"ok": True, "canary": None}, ["there was no canary yet"], as_json=as_json)
        return ExitCode.OK
    now_ms = _now_ms()
    is_on = standing.in_force(now_ms) is not None
    problem = served.problem(folder, CANARY) if is_on else ""
    # What is over, and nobody wrote down yet, is told as the workers will write it.
    end = standing.end or (None if is_on else standing.due(now_ms))
    mine, theirs = (end.candidate, end.active) if end else standing.sides(now_ms)
    document: Document = {
        "ok": not problem,
        "canary": canary.model_dump(mode="json"),
        "in_force": is_on,
        "problem": problem,
        "end": end.model_dump(mode="json") if end else None,
        "candidate": _figures(mine),
        "active": _figures(theirs),
    }
    answer(document, _lines(canary, end, problem, mine, theirs), as_json=as_json)
    return ExitCode.STACK if problem else ExitCode.OK


def stop(by: str, reason: str, project: Path | None, *, as_json: bool) -> int:
    """Take the canary back."""
    folder = find_project(project)
    was = reading(_stopped(Layout(folder.resolve()), by, reason))
    served.clear(folder, CANARY, note)
    said = "the policies in force decide for all runs" if was else "no canary was on"
    answer({"ok": True, "was": was}, [said], as_json=as_json)
    return ExitCode.OK


async def _standing(layout: Layout) -> Standing:
    async with canaries_of(layout) as store:
        return await standing_of(store)


async def _stopped(layout: Layout, by: str, reason: str) -> bool:
    async with canaries_of(layout) as store:
        standing = await standing_of(store)
        if standing.canary is None or standing.end is not None:
            return False
        mine, theirs = standing.sides(_now_ms())
        end = End(
            canary=standing.canary.number,
            why="stopped",
            message=reason,
            by=by,
            candidate=mine,
            active=theirs,
        )
        return await store.end(end)


def _lines(
    canary: Canary, end: End | None, problem: str, mine: Tally, theirs: Tally
) -> Iterator[str]:
    yield f"canary {canary.number}: {canary.revision}"
    yield f"  {canary.source}, {canary.percent} % of the runs since {moment(canary.from_ms)}"
    if end is None:
        yield f"  until {moment(canary.until_ms)}"
    else:
        by = f" by {end.by}" if end.by else ""
        yield f"  is over ({end.why}{by}): {end.message}".rstrip(": ")
    for name, side in (("the candidate", mine), ("in force", theirs)):
        yield (
            f"  {name}: {side.decided} decisions, {side.denied_share:.1f} % denied, "
            f"{side.errors} without an answer, 95 % within {side.slow_ms:g} ms"
        )
    if problem:
        yield f"  its OPA does not answer: {problem}"


def _figures(side: Tally) -> Document:
    return {
        "decided": side.decided,
        "denied": side.denied,
        "errors": side.errors,
        "slow_ms": side.slow_ms,
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
