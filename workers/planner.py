"""What the role `plan` is given: the project's planner, its terms, and what plans are made of."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from activities.planning import Shop
from proposing.activity import Planning
from remit.cli.agents.reading import agents_in, data_in_force
from remit.cli.errors import CliError
from remit.decision.facts import CostFact
from remit.decision.registry import Agent
from remit.diagnostic import InvalidDocumentError
from remit.enforcement.planners import Terms
from remit.ledger.protocol import Ledger
from remit.stores.ledger import SqlLedger
from remit.stores.planner import PlannerTable, load_planner, load_table


class PlannerMissingError(Exception):
    """The project has no planner that can be asked; the message begins with a code."""


def planning(project: Path, ledger: Ledger, shop: Shop) -> Planning:
    """Return what a worker of the role `plan` needs.

    Raises:
        PlannerMissingError: `PLANNER-MISSING`, `PLANNER-INVALID` or `PLANNER-FUNCTION`.
    """
    try:
        table = load_table(project)
        if table is None:
            raise PlannerMissingError(
                "PLANNER-MISSING: remit.toml names no planner; see `[planner]` in docs/agents.md"
            )
        planner = load_planner(project, table)
    except InvalidDocumentError as error:
        first = error.diagnostics[0]
        raise PlannerMissingError(f"{first.code}: {first.path}: {first.message}") from error

    return Planning(
        planner=planner,
        terms=terms_of(table),
        deadline_s=table.deadline_s,
        max_bytes=table.max_bytes,
        catalogue=shop.catalogue,
        library=shop.library,
        queue=shop.queue,
        registered=registry(project, ledger),
    )


def registry(project: Path, ledger: Ledger) -> Callable[[str], Awaitable[Agent | None]]:
    """Return what looks agents up in the policies in force."""

    async def registered(name: str) -> Agent | None:
        if not isinstance(ledger, SqlLedger):
            raise LookupError("this ledger holds no releases of policies")
        try:
            data, _, _ = await data_in_force(project, ledger)
            return agents_in(data).get(name)
        except CliError as error:
            raise LookupError(str(error)) from error

    return registered


def terms_of(table: PlannerTable) -> Terms:
    """Return what policy is told of a project's planner."""
    cost = table.cost
    return Terms(
        planner=table.function,
        rounds=table.rounds,
        cost=CostFact(micros=cost.micros, currency=cost.currency)
        if cost
        else CostFact(micros=0, currency=""),
        limit_micros=table.budget_micros,
    )
