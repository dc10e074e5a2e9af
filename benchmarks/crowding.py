"""A project's policies with many rules and many domains, as a company would have them.

Each domain has the same ten rules in four packages, with bounds of its own: who may call, what a
call may cost, which arguments it may carry, what of a plan is refused. The benchmark's own domain
is one of them, so a call pays for the ten rules of its domain and for whatever the others cost.
"""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import JSON, JSONObject

DOMAIN = "bench"
"""The domain of the benchmark's tools."""
RULES = 10
"""Rules of each domain; as many as the pattern has."""
_PATTERN = Path(__file__).parent / "crowd"
"""The rules as they are for the benchmark's own domain."""
_NAME = re.compile(rf"\b{DOMAIN}\b")


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many there are."""

    domains: int

    @property
    def rules(self) -> int:
        """Rules of all domains together."""
        return self.domains * RULES

    def __str__(self) -> str:
        """Return both numbers."""
        return f"{self.rules:,} rules in {self.domains} domains"


RULES200 = Crowd(20)
DOMAINS200 = Crowd(200)
"""With ten times as many rules: domains without rules would cost nothing at all."""


def write(folder: Path, crowd: Crowd) -> None:
    """Write the policies into an empty folder, or in place of those that stand there."""
    shutil.rmtree(folder, ignore_errors=True)
    names = [DOMAIN, *(f"domain{number:03}" for number in range(1, crowd.domains))]
    for name in names:
        place = folder / "domains" / name
        place.mkdir(parents=True)
        for file in _PATTERN.glob("*.rego"):
            text = _NAME.sub(name, file.read_text(encoding="utf-8"))
            (place / file.name).write_text(text, encoding="utf-8")
    document = json.dumps({"remit": {"registry": _registry(names)}}, indent=1)
    (folder / "data.json").write_text(document + "\n", encoding="utf-8")


def _registry(names: list[str]) -> JSONObject:
    agents: JSONObject = {
        "bencher": {"scopes": [f"{DOMAIN}.*"], "tenants": [DOMAIN]},
        **{f"agent-{name}": {"scopes": [f"{name}.*"], "tenants": [DOMAIN]} for name in names},
    }
    people: JSONObject = {f"owner@{name}.example": {"roles": [f"{name}_owner"]} for name in names}
    return {
        "agents": agents,
        "people": people,
        "thresholds": {"max_calls": 200000},
        "domains": {name: _bounds(name) for name in names},
    }


def _bounds(name: str) -> JSON:
    return {
        "barred": ["stranger"],
        "gate": {"role": f"{name}_owner", "above_micros": 10**9, "expires_in_ms": 3600000},
        "most_micros": 10**12,
        "guarded_fields": ["discount", "iban", "terms"],
        "forbidden_fields": ["password", "token"],
        "redact_fields": ["card"],
        "most_steps": 100000,
    }
