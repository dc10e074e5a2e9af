"""Plans as documents: the part that a model writes, and what a program lays over it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

Answer = dict[str, Any]


class Mandate(Protocol):
    """In whose name a planner plans."""

    @property
    def agent(self) -> str:
        """Id and version."""

    @property
    def on_behalf_of(self) -> str:
        """A person."""

    @property
    def tenant(self) -> str:
        """Its tenant."""

    @property
    def owner(self) -> str:
        """Who looks after the run."""


def plan_of(
    goal: str, body: Mapping[str, Any], mandate: Mandate, provenance: Mapping[str, str]
) -> Answer:
    """Return a whole plan of what a model proposed.

    Who acts for whom, and where the proposal came from, the program states. A model that wrote it
    could be talked into writing somebody else.
    """
    own = ("inputs", "constraints", "steps", "outputs")
    proposed = {name: body[name] for name in own if body.get(name) is not None}
    return {
        "schema": "remit.plan/v1",
        "name": "agent-plan",
        "version": "1.0.0",
        "goal": goal,
        "agent": mandate.agent,
        "on_behalf_of": mandate.on_behalf_of,
        "tenant": mandate.tenant,
        "owner": mandate.owner,
        "provenance": {**provenance, "proposal_sha256": sha256(proposed)},
        **proposed,
    }


def sha256(value: Any) -> str:
    """Return the digest of a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def body_schema(plan_schema: Mapping[str, Any]) -> Answer:
    """Return the schema of the part of a plan that a model writes."""
    members = plan_schema["properties"]
    own = {name: members[name] for name in ("inputs", "constraints", "steps", "outputs")}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["steps"],
        "properties": own,
        "$defs": plan_schema["$defs"],
    }
