"""`remit policy shadow start|status|stop`: a candidate beside the policies that decide."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from remit.cli.errors import ExitCode, usage
from remit.cli.output import answer, note
from remit.cli.place import find_project
from remit.cli.policy_delivery.building import built, signing_key
from remit.cli.policy_delivery.publishing import named, reading, releases_of
from remit.cli.questions.words import moment, short
from remit.cli.stack import shadow, stack
from remit.cli.stack.bundle import Bundle
from remit.cli.stack.candidate import scope_beside
from remit.cli.stack.layout import SHADOW, Layout
from remit.cli.stack.signing import scope_of
from remit.decision.shadow import Announcement, summarised
from remit.stores.shadow import counts


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall stand in the shadow."""

    candidate: Path | None
    release: str | None
    percent: int
    deadline_ms: int
    key: Path | None


def start(wanted: Wanted, project: Path | None, *, as_json: bool) -> int:
    """Build or fetch the candidate, serve it, and tell workers."""
    folder = find_project(project)
    stack.environment(folder)
    layout = Layout(folder)
    bundle, scope = _bundle(layout, wanted)
    announcement = Announcement(
        revision=bundle.revision,
        source=_source(wanted),
        started_ms=time.time_ns() // 1_000_000,
        percent=wanted.percent,
        deadline_ms=wanted.deadline_ms,
    )
    shadow.begin(folder, bundle, scope, announcement, note)
    document = {"ok": True, **announcement.model_dump(mode="json")}
    lines = [
        f"{short(bundle.revision)} is asked about {_share(wanted.percent)}, and decides nothing",
        "`remit policy shadow report` tells what it would have decided otherwise",
    ]
    answer(document, lines, as_json=as_json)
    return ExitCode.OK


def status(project: Path | None, *, as_json: bool) -> int:
    """Print how the shadow is."""
    folder = find_project(project)
    standing = shadow.standing(folder)
    told = standing.announcement
    if told is None:
        answer({"ok": True, "candidate": None}, ["no candidate is asked"], as_json=as_json)
        return ExitCode.OK
    summary = summarised(counts(Layout(folder).candidate(SHADOW), told.revision), ())
    document = {
        "ok": not standing.problem,
        "candidate": told.model_dump(mode="json"),
        "problem": standing.problem,
        "compared": summary.compared,
        "missed": summary.missed,
        "outcomes": summary.outcomes,
    }
    lines = [
        f"{told.revision}",
        f"  {told.source}, asked about {_share(told.percent)} since {moment(told.started_ms)}",
        f"  {summary.compared} decisions compared, {summary.missed} not",
    ]
    if standing.problem:
        lines.append(f"  its OPA does not answer: {standing.problem}")
    answer(document, lines, as_json=as_json)
    return ExitCode.STACK if standing.problem else ExitCode.OK


def stop(project: Path | None, *, as_json: bool) -> int:
    """Take the candidate away."""
    was = shadow.end(find_project(project), note)
    said = "the candidate is asked no more" if was else "no candidate was asked"
    answer({"ok": True, "was": was}, [said], as_json=as_json)
    return ExitCode.OK


def _bundle(layout: Layout, wanted: Wanted) -> tuple[Bundle, str]:
    """Return the signed bundle of the candidate, and what it is signed for.

    Raises:
        CliError: `CLI-USAGE`, `FILE-UNREADABLE` or `RELEASE-UNKNOWN`.
        PolicyError: the candidate does not pass the checks.
    """
    if (wanted.candidate is None) == (wanted.release is None):
        hint = "`remit policy shadow start DIR`, or `--release RELEASE`"
        raise usage("CLI-USAGE", "name either a folder or a release", hint)
    if wanted.candidate is not None:
        if not wanted.candidate.is_dir():
            hint = "name a folder as `policies` of a project is one"
            raise usage("FILE-UNREADABLE", f"{str(wanted.candidate)!r} is no folder", hint)
        key = signing_key(layout, wanted.key)
        apart = replace(key, scope=scope_beside(key.scope, SHADOW))
        return built(layout, apart, wanted.candidate), apart.scope
    return reading(_released(layout, wanted.release or "")), scope_of()


async def _released(layout: Layout, name: str) -> Bundle:
    async with releases_of(layout) as store:
        found = await named(store, name)
        if found is None:
            hint = "`remit policy releases` lists them"
            raise usage("RELEASE-UNKNOWN", f"the ledger has no release {name!r}", hint)
        return Bundle(found.revision, await store.archive(found), found.key)


def _source(wanted: Wanted) -> str:
    if wanted.candidate is not None:
        return str(wanted.candidate.resolve())[:1000]
    return f"release {wanted.release}"


def _share(percent: int) -> str:
    return "all runs" if percent == 100 else f"{percent} % of the runs"
