"""`remit limits`: the bounds of the fleet, as contracts and `[limits]` state them, and how they
stand in the ledger."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.cli.compiling import Workshop
from remit.cli.errors import ExitCode, usage
from remit.cli.errors import stack as failed
from remit.cli.evidence.ledger import opened
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.cli.questions.words import moment
from remit.cli.stack.layout import Layout
from remit.enforcement.bounds import EVERYBODY, Limits, LimitsError, breaking_of, load_limits
from remit.ledger.errors import LedgerUnavailableError
from remit.ledger.limits import Breaker, HeldSlot
from remit.tool.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Standing:
    """How the bounds stand."""

    breakers: Sequence[Breaker]
    """By name; also those that never counted a failure."""
    tools: Mapping[str, Sequence[str]]
    """Service to the tools that share its breaker."""
    most: Mapping[str, int]
    """Name of slots to how many there are; held ones that nothing bounds any more are not in it."""
    held: Sequence[HeldSlot]


def limits(project: Path | None, *, as_json: bool) -> int:
    """Print every breaker, and every bound on calls at once with the calls that count for it."""
    folder = find_project(project)
    catalogue = Workshop.of(folder).project.catalogue
    try:
        stated = load_limits(folder)
        standing = asyncio.run(_standing(folder, catalogue, stated))
    except LimitsError as error:
        message = str(error).removeprefix("LIMITS-INVALID: ")
        raise usage("LIMITS-INVALID", message, "docs/limits.md shows the table") from error
    except LedgerUnavailableError as error:
        raise failed("LEDGER-UNAVAILABLE", str(error)) from error
    document = {
        "ok": True,
        "breakers": [_breaker(one, standing.tools) for one in standing.breakers],
        "slots": [_slots(name, standing) for name in _names(standing)],
    }
    lines = [*_breaker_lines(standing), *_slot_lines(standing)]
    answer(document, lines or ["nothing is bounded over the fleet"], as_json=as_json)
    return ExitCode.OK


async def _standing(folder: Path, catalogue: Catalogue, stated: Limits) -> Standing:
    async with opened(Layout(folder)) as ledger:
        known = {one.name: one for one in await ledger.breakers()}
        held = await ledger.held_slots()
    tools: dict[str, list[str]] = {name: [] for name in known}
    for contract in catalogue:
        breaking = breaking_of(contract)
        if breaking is not None:
            tools.setdefault(breaking.name, []).append(contract.ref)
    breakers = [known.get(name, Breaker(name)) for name in sorted(tools)]
    bounds = dict(_stated(catalogue, stated))
    names = {name for name in bounds if EVERYBODY not in name} | {one.name for one in held}
    counts = {name: _of(name, bounds) for name in names}
    most = {name: count for name, count in counts.items() if count is not None}
    return Standing(breakers, tools, most, held)


def _stated(catalogue: Catalogue, stated: Limits) -> Iterator[tuple[str, int]]:
    """Yield names of slots, `*` for whoever is not named, and how many there are."""
    for contract in catalogue:
        bound, tool = contract.concurrency, f"tool:{contract.ref}"
        if bound is not None:
            yield tool, bound.calls
            if bound.per_agent is not None:
                yield f"{tool}/agent:{EVERYBODY}", bound.per_agent
            if bound.per_tenant is not None:
                yield f"{tool}/tenant:{EVERYBODY}", bound.per_tenant
    for kind, known in (("agent", stated.agents), ("tenant", stated.tenants)):
        for name, limit in known.items():
            if limit.at_once is not None:
                yield f"{kind}:{name}", limit.at_once


def _of(name: str, bounds: Mapping[str, int]) -> int | None:
    """Return how many slots there are of a name, if anything says so."""
    return bounds.get(name, bounds.get(f"{name.rpartition(':')[0]}:{EVERYBODY}"))


def _names(standing: Standing) -> list[str]:
    return sorted(standing.most.keys() | {one.name for one in standing.held})


def _breaker(one: Breaker, tools: Mapping[str, Sequence[str]]) -> dict[str, object]:
    return {
        "service": one.name,
        "state": one.state,
        "failures": one.failures,
        "until": moment(one.until_ms) if one.state != "closed" else None,
        "trial": one.trial or None,
        "tools": list(tools[one.name]),
    }


def _slots(name: str, standing: Standing) -> dict[str, object]:
    calls = [one for one in standing.held if one.name == name]
    return {
        "name": name,
        "held": len(calls),
        "of": standing.most.get(name),
        "calls": [
            {
                "run": one.workflow_id,
                "step": one.path,
                "undo": one.is_undo,
                "until": moment(one.until_ms),
            }
            for one in calls
        ],
    }


def _breaker_lines(standing: Standing) -> Iterator[str]:
    for one in standing.breakers:
        said = f"breaker {one.name}  {one.state}"
        if one.state == "open":
            said += f", {one.failures} failures; nothing is called before {moment(one.until_ms)}"
        elif one.state == "trial":
            said += f", one call tries until {moment(one.until_ms)}: {one.trial}"
        elif one.failures:
            said += f", {one.failures} failures in the last window"
        yield said
        if standing.tools[one.name]:
            yield f"    {', '.join(standing.tools[one.name])}"


def _slot_lines(standing: Standing) -> Iterator[str]:
    for name in _names(standing):
        calls = [one for one in standing.held if one.name == name]
        yield f"slots {name}  {len(calls)} of {standing.most.get(name, 'no bound any more')}"
        for one in calls:
            what = f"undo of {one.path}" if one.is_undo else one.path
            yield f"    {one.workflow_id}  {what}  until {moment(one.until_ms)}"
