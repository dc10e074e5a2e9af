"""Agents as the policies in force have them, beside what the ledger knows of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from remit.canonical import JSON
from remit.cli.errors import CliError, ExitCode, Finding
from remit.cli.evidence.ledger import opened
from remit.cli.stack.components import core_policies
from remit.cli.stack.layout import Layout
from remit.cli.stack.sources import CORE, PROJECT, PolicyRoot, read_sources
from remit.cli.whatif.bundles import Parts
from remit.decision.registry import Agent
from remit.evidence.fields import inner
from remit.ledger.stops import FLEET, Stop
from remit.stores.agents import Deeds
from remit.stores.ledger import SqlLedger


@dataclass(frozen=True, slots=True)
class Known:
    """One agent."""

    name: str
    registered: Agent | None
    """As the policies have it; `None` for one that they do not know, which may do nothing."""
    deeds: Deeds
    stops: Sequence[Stop]
    """Those in force that hold all of its calls."""

    @property
    def state(self) -> str:
        """`active` and so on; `unknown` for one that the policies do not have."""
        return self.registered.status if self.registered else "unknown"


@dataclass(frozen=True, slots=True)
class Register:
    """All agents, by name."""

    agents: Sequence[Known]
    source: str
    """Which policies tell of them, in words."""
    revision: str
    """Of those policies; empty for a folder that nothing was released of."""


async def register(layout: Layout) -> Register:
    """Return the register.

    Raises:
        CliError: `AGENTS-UNREADABLE`: the policies in force have none that can be read.
    """
    async with opened(layout) as ledger:
        data, source, revision = await data_in_force(layout.project, ledger)
        found = {one.agent: one for one in await ledger.log.deeds()}
        stops = await ledger.stops()
    registered = agents_in(data)
    return Register(
        [
            Known(
                name,
                registered.get(name),
                found.get(name) or Deeds(name),
                [one for one in stops if one.name in (FLEET, f"agent:{name}")],
            )
            for name in sorted({*registered, *found})
        ],
        source,
        revision,
    )


async def registered(layout: Layout, name: str) -> tuple[Agent | None, str]:
    """Return what the policies in force have of one agent, and which policies those are.

    Raises:
        CliError: `AGENTS-UNREADABLE`.
    """
    async with opened(layout) as ledger:
        data, source, _ = await data_in_force(layout.project, ledger)
    return agents_in(data).get(name), source


async def data_in_force(project: Path, ledger: SqlLedger) -> tuple[JSON, str, str]:
    """Return the data of the newest release, else of the project's folder; which one that is, in
    words; and its revision."""
    newest = await ledger.releases.newest()
    if newest is not None:
        archive = await ledger.releases.archive(newest)
        return Parts(archive).data, f"release {newest.serial}", newest.revision
    roots = (PolicyRoot(CORE, core_policies()), PolicyRoot(PROJECT, project / "policies"))
    return read_sources(roots).data(), "the policy folder; nothing was released yet", ""


def agents_in(data: JSON) -> dict[str, Agent]:
    """Return the agents that the policies' data has, by name.

    Raises:
        CliError: `AGENTS-UNREADABLE`.
    """
    agents = inner(inner(data, "registry"), "agents")
    try:
        return {name: Agent.model_validate(one) for name, one in agents.items()}
    except ValidationError as error:
        finding = Finding(
            "AGENTS-UNREADABLE", f"the agents of the policies in force: {error}"[:500]
        )
        raise CliError([finding], ExitCode.FINDINGS) from error
