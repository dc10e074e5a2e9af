"""`remit agents` and `remit agents show`: who there is, what they may do, and what they did."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from remit.cli.agents.reading import Known, Register, register
from remit.cli.errors import ExitCode, stack, usage
from remit.cli.output import Document, answer
from remit.cli.place import find_project
from remit.cli.questions.words import moment, short, table
from remit.cli.stack.layout import Layout
from remit.decision.registry import Agent
from remit.ledger.errors import LedgerError, LedgerUnavailableError

_HEADS = ("agent", "state", "owner", "runs", "open", "calls", "denied", "last run", "")


def listed(project: Path | None, *, as_json: bool) -> int:
    """Print all agents."""
    found = _read(project)
    document = {
        "ok": True,
        "source": found.source,
        "revision": found.revision,
        "agents": [_document(one) for one in found.agents],
    }
    answer(document, _list(found), as_json=as_json)
    return ExitCode.OK


def shown(name: str, project: Path | None, *, as_json: bool) -> int:
    """Print one agent.

    Raises:
        CliError: `AGENT-UNKNOWN`: neither the policies nor the ledger have it; exit code 2.
    """
    found = _read(project)
    wanted = name.partition("@")[0]
    one = next((one for one in found.agents if one.name == wanted), None)
    if one is None:
        hint = "`remit agents` lists them"
        raise usage("AGENT-UNKNOWN", f"neither policies nor ledger know an agent {wanted!r}", hint)
    answer(
        {"ok": True, "source": found.source, **_document(one)}, _one(one, found), as_json=as_json
    )
    return ExitCode.OK


def _read(project: Path | None) -> Register:
    layout = Layout(find_project(project))
    try:
        return asyncio.run(register(layout))
    except (LedgerError, LedgerUnavailableError) as error:
        raise stack(getattr(error, "code", "LEDGER-UNAVAILABLE"), str(error)) from error


def _document(one: Known) -> Document:
    deeds, last = one.deeds, one.deeds.last
    agent = one.registered
    return {
        "name": one.name,
        "state": one.state,
        "registered": agent.model_dump(mode="json") if agent else None,
        "stops": [
            {"what": stop.name, "by": stop.by, "reason": stop.reason, "since": moment(stop.at_ms)}
            for stop in one.stops
        ],
        "versions": deeds.versions,
        "runs": deeds.runs,
        "open": deeds.open,
        "calls": deeds.calls,
        "denials": deeds.denials,
        "undone": deeds.undone,
        "last": last
        and {
            "run": last.root,
            "workflow": last.workflow,
            "plan": last.plan,
            "status": last.status or "open",
            "started": moment(last.started_ms),
        },
    }


def _list(found: Register) -> Iterator[str]:
    rows = [
        (
            one.name,
            one.state,
            (one.registered.owner if one.registered else "") or "-",
            *map(str, (one.deeds.runs, one.deeds.open, one.deeds.calls, one.deeds.denials)),
            moment(one.deeds.last.started_ms) if one.deeds.last else "-",
            "STOPPED" if one.stops else "",
        )
        for one in found.agents
    ]
    yield from table([_HEADS, *rows], indent="")
    yield f"by {found.source}"


def _one(one: Known, found: Register) -> Iterator[str]:
    yield f"{one.name}: {one.state}, by {found.source} {short(found.revision)}".rstrip(" -")
    yield from table([*_may(one.registered)])
    for stop in one.stops:
        what = f"{stop.name}, undos too" if stop.undos else stop.name
        yield f"  STOPPED ({what}) since {moment(stop.at_ms)} by {stop.by}: {stop.reason}"
    deeds, last = one.deeds, one.deeds.last
    if last is None:
        yield "  it never began a run"
        return
    yield f"  {deeds.runs} runs, {deeds.open} of them open, in versions {', '.join(deeds.versions)}"
    yield f"  {deeds.calls} calls, {deeds.denials} denied, {deeds.undone} undone"
    yield f"  last {last.plan}, {last.status or 'open'}, {moment(last.started_ms)}  {last.workflow}"


def _may(agent: Agent | None) -> Iterator[tuple[str, str]]:
    if agent is None:
        yield "may", "nothing: the policies do not know it"
        return
    yield "owner", agent.owner or "-"
    if agent.approved_by:
        yield "approved by", agent.approved_by
    yield "scopes", ", ".join(agent.scopes) or "none"
    yield "tools", "all of its scopes" if agent.tools is None else ", ".join(agent.tools) or "none"
    yield "tenants", ", ".join(agent.tenants) or "none"
    handed = (
        "what it may do itself" if agent.ceiling is None else ", ".join(agent.ceiling) or "none"
    )
    yield "hands down", handed
    for limit in agent.budgets:
        yield "limit", f"{limit.name}: {limit.most} {limit.counts} in {limit.window_ms // 1000} s"
    for tool in agent.fields:
        yield "fields of", tool
