"""Stops: what is to be called no more until somebody lets it go on.

A stop names the fleet, an agent, a tool or a tenant. While it is in force no call that fits it
begins; what has begun goes on to its end, because only then is it known what happened. Undos go on
too, unless the stop says otherwise.
"""

from dataclasses import dataclass

CHAIN = "stops"
"""The chain that tells of every stop; it is no run's."""
FLEET = "fleet"
KINDS = ("agent", "tool", "tenant")


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop, in force or ended."""

    name: str
    """`fleet`, `agent:NAME`, `tool:NAME@MAJOR` or `tenant:NAME`."""
    by: str
    reason: str
    in_force: bool = True
    undos: bool = False
    """Whether undos are stopped too."""
    at_ms: int = 0
    """When it began or ended, milliseconds of Unix time; the ledger's clock."""


def stops_of(agent: str, tool: str | None, tenant: str) -> tuple[str, ...]:
    """Return the names of the stops that would fit a call.

    Args:
        agent: id without version.
        tool: `name@major`; `None` where no tool is called.
        tenant: of the run.
    """
    tools = () if tool is None else (f"tool:{tool}",)
    return (FLEET, f"agent:{agent}", *tools, f"tenant:{tenant}")


def is_name(text: str) -> bool:
    """Whether a text names something that can be stopped."""
    kind, _, name = text.partition(":")
    return text == FLEET or (kind in KINDS and 0 < len(name) <= 200)
