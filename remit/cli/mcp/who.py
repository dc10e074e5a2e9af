"""For whom a server of plans speaks: settled when it starts, and never by what a plan says.

A plan that names another agent, principal or tenant is refused here. Policy judges whoever is left.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from remit.client.signing import Signer
from remit.diagnostic import Diagnostic
from remit.plan.compiled import CompiledPlan


@dataclass(frozen=True, slots=True)
class Who:
    """One agent, and whom it acts for."""

    agent: str
    """Its id, and after an `@` its version where only one version is meant."""
    tenant: str
    """The only tenant of its plans; empty: policy alone says which."""
    person: str
    """Whom it acts for, and who starts its runs; empty: whoever the plan names."""
    signer: Signer | None = None
    """Proves who starts a run, where names are proven."""

    @property
    def agent_id(self) -> str:
        """The agent's id without a version."""
        return self.agent.partition("@")[0]

    def is_agent(self, named: str) -> bool:
        """Say whether `named`, an id with a version, is this agent."""
        return self.agent in (named, named.partition("@")[0])

    def strangers(self, plan: CompiledPlan) -> Iterator[Diagnostic]:
        """Yield what a plan says of itself that is not so here."""
        if not self.is_agent(plan.agent):
            version = plan.agent.partition("@")[2]
            own = self.agent if "@" in self.agent else f"{self.agent}@{version}"
            yield _foreign("MCP-AGENT", "agent", plan.agent, own)
        if self.tenant and plan.tenant != self.tenant:
            yield _foreign("MCP-TENANT", "tenant", plan.tenant, self.tenant)
        if self.person and plan.on_behalf_of != self.person:
            yield _foreign("MCP-PRINCIPAL", "on_behalf_of", plan.on_behalf_of, self.person)


def _foreign(code: str, field: str, found: str, own: str) -> Diagnostic:
    return Diagnostic(
        code=code,
        path=f"/{field}",
        message=f"`{field}` is {found!r}, and this server speaks for {own!r} alone",
        hint=f"write {own!r}",
        found=found,
        did_you_mean=own,
        expected={"const": own},
    )
