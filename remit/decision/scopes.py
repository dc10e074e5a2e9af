"""Which tools an agent's entry in the registry covers, as the domains' usual permit has it.

The list for an agent to choose from, and no verdict: what a rule says of a call, policy alone says.
"""

from remit.decision.registry import Agent
from remit.tool.contract import ToolContract


def scope_of(contract: ToolContract) -> str:
    """Return the scope that a call of a tool needs."""
    return f"{contract.domain}.{contract.operation.value}"


def covers(agent: Agent, contract: ToolContract) -> bool:
    """Say whether an active agent's scopes, and its list of tools if it has one, cover a tool."""
    if agent.status != "active" or (agent.tools is not None and contract.ref not in agent.tools):
        return False
    return scope_of(contract) in agent.scopes or f"{contract.domain}.*" in agent.scopes
