"""What bounds one call over the whole fleet: its tool's contract, and the project's `[limits]`.

    [limits.agents."*"]        # each agent that is not named
    at_once = 20
    [limits.agents.buyer]
    at_once = 5
    rate = {calls = 100, per_seconds = 60}
    [limits.tenants."*"]
    at_once = 50

An agent's and a tenant's bounds do not hold an undo up; a tool's do, because the tool asks for it.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from remit.enforcement.subject import Subject
from remit.ledger.entries import Bounds
from remit.ledger.limits import Breaking, Health, Slots
from remit.tool.call import Absent, Broken, Happened, Refused, ToolAnswer, Unknown
from remit.tool.contract import RateLimit, ToolContract
from remit.tool.model import Model

FILE = "remit.toml"
EVERYBODY = "*"
_NO_ANSWER = frozenset({"TOOL-UNREACHABLE", "TOOL-DEADLINE", "TOOL-MODEL-AWAY"})
"""Refusals because the service gave no answer, or none that could be used, and had no effect."""


class LimitsError(Exception):
    """`[limits]` cannot be used; the message says where and why."""


class Limit(Model):
    """The bounds of one agent or tenant, over all its runs and all tools."""

    at_once: Annotated[int, Field(ge=1, le=100_000)] | None = None
    rate: RateLimit | None = None


class Limits(Model):
    """The table `[limits]`; `*` is for each one that is not named."""

    agents: dict[str, Limit] = {}
    tenants: dict[str, Limit] = {}


NO_LIMITS = Limits()


def load_limits(folder: Path) -> Limits:
    """Read `[limits]` of a project; without a file or table there are none.

    Raises:
        LimitsError: `LIMITS-INVALID`.
    """
    try:
        document = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
        return Limits.model_validate(document.get("limits", {}))
    except FileNotFoundError:
        return NO_LIMITS
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in ("limits", *first["loc"]))
        raise LimitsError(
            f"LIMITS-INVALID: {FILE}: {place}: {first['msg']}; see docs/limits.md"
        ) from error
    except (OSError, ValueError) as error:
        raise LimitsError(f"LIMITS-INVALID: {FILE} cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Held:
    """Whoever is bounded beside the tool, and how."""

    name: str
    """`agent:NAME` or `tenant:NAME`."""
    limit: Limit = field(default_factory=Limit)


def others(subject: Subject, limits: Limits) -> Iterator[Held]:
    """Yield the agent and the tenant of a call where they are bounded."""
    if subject.is_undo:
        return
    kinds: tuple[tuple[str, Mapping[str, Limit]], ...] = (
        ("agent", limits.agents),
        ("tenant", limits.tenants),
    )
    for kind, known in kinds:
        name = subject.principal[kind]
        limit = known.get(name) or known.get(EVERYBODY)
        if limit is not None:
            yield Held(f"{kind}:{name}", limit)


def bounds_of(subject: Subject, limits: Limits) -> Bounds:
    """Return the slots that a call holds and the breaker that it passes."""
    slots = list(_slots_of_tool(subject))
    slots += [
        Slots(held.name, held.limit.at_once)
        for held in others(subject, limits)
        if held.limit.at_once is not None
    ]
    return Bounds(slots, breaking_of(subject.contract))


def _slots_of_tool(subject: Subject) -> Iterator[Slots]:
    bound = subject.contract.concurrency
    if bound is None:
        return
    tool = f"tool:{subject.contract.ref}"
    yield Slots(tool, bound.calls)
    if subject.is_undo:
        return
    if bound.per_agent is not None:
        yield Slots(f"{tool}/agent:{subject.principal['agent']}", bound.per_agent)
    if bound.per_tenant is not None:
        yield Slots(f"{tool}/tenant:{subject.principal['tenant']}", bound.per_tenant)


def breaking_of(contract: ToolContract) -> Breaking | None:
    """Return the breaker of a tool's service."""
    bounds = contract.breaker
    if bounds is None:
        return None
    name = bounds.name or next(iter(contract.destinations), contract.domain)
    return Breaking(name, bounds.failures, bounds.window_s * 1000, bounds.cool_down_s * 1000)


def health_of(answer: ToolAnswer) -> Health:
    """Return what an answer says about the service: it is sick when nobody knows what became of a
    call, or it gave no answer; a plain refusal is the answer of one that is well."""
    match answer:
        case Happened() | Broken() | Absent():
            return "well"
        case Refused(is_own=True) | Unknown(code="TOOL-CANCELLED"):
            return ""
        case Refused(code=code, again=again) if code not in _NO_ANSWER:
            return "" if again else "well"
    return "sick"
