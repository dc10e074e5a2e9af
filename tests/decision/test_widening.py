"""Where data permits more than before; pure."""

import copy

import pytest

from remit.canonical import JSON, JSONObject
from remit.decision.widening import widened

BASE: JSONObject = {
    "defaults": {
        "thresholds": {
            "min_confidence": 0.7,
            "max_calls": 100,
            "require_provenance": True,
            "forbidden_tools": ["erp.drop@1"],
            "banned_combinations": [{"name": "leak"}],
            "regions": {"acme": ["eu"]},
            "risk": {"read": "low", "spend": "high"},
            "gates": {"spend": {"role": "holder", "expires_in_ms": 10, "quorum": 2}},
            "orders": {"hold": ["operator"]},
            "promotion": {"role": "policy_owner", "max_report_age_ms": 10},
        },
        "domains": {"finance": {"gate": {"above_micros": 5}}},
    },
    "registry": {
        "agents": {
            "buyer": {"scopes": ["erp.read"], "tenants": ["acme"], "tools": ["erp.get@1"]},
            "idle": {"scopes": [], "tenants": [], "status": "suspended"},
        },
        "people": {"ada": {"roles": ["holder"], "tenants": ["acme"]}},
        "egress": {"acme": ["erp.example"]},
        "tools": {"erp.get@1": {"domain": "erp"}},
        "domains": {"erp": {"suppliers": ["a"]}},
        "retention": {"pii": "P30D"},
    },
}
Place = tuple[str, ...]
AGENT: Place = ("registry", "agents", "buyer")
THRESHOLDS: Place = ("defaults", "thresholds")

FIELDS: JSON = {"erp.get@1": {"set": ["/a"]}}
WIDER: dict[str, tuple[Place, JSON]] = {
    'exceptions + {"code":"x"}': (("registry", "exceptions"), [{"code": "x"}]),
    "agents.buyer.scopes + erp.spend": ((*AGENT, "scopes"), ["erp.spend"]),
    "agents.buyer.tenants + other": ((*AGENT, "tenants"), ["acme", "other"]),
    "agents.buyer.tools + erp.put@1": ((*AGENT, "tools"), ["erp.put@1"]),
    "agents.buyer.tools is not bounded any more": ((*AGENT, "tools"), None),
    "agents.idle.status is now active, was suspended": (
        ("registry", "agents", "idle", "status"),
        "active",
    ),
    "agents.new.scopes + erp.read": (
        ("registry", "agents", "new"),
        {"scopes": ["erp.read"], "tenants": []},
    ),
    "people.ada.roles + operator": (("registry", "people", "ada", "roles"), ["operator"]),
    "people.ada.tenants is not bounded any more": (("registry", "people", "ada", "tenants"), None),
    "egress.acme + evil.example": (("registry", "egress", "acme"), ["evil.example"]),
    "tools.erp.get@1.domain is now crm, was erp": (
        ("registry", "tools", "erp.get@1", "domain"),
        "crm",
    ),
    'domains.erp.suppliers is now ["a","b"], was ["a"]': (
        ("registry", "domains", "erp", "suppliers"),
        ["a", "b"],
    ),
    "defaults.domains.finance.gate.above_micros is now 9, was 5": (
        ("defaults", "domains", "finance", "gate", "above_micros"),
        9,
    ),
    'something is now {"new":1}, was nothing': (("registry", "something"), {"new": 1}),
    "thresholds.min_confidence is now 0.5, was 0.7": ((*THRESHOLDS, "min_confidence"), 0.5),
    "thresholds.max_calls is now 101, was 100": ((*THRESHOLDS, "max_calls"), 101),
    "thresholds.require_provenance is not required any more": (
        (*THRESHOLDS, "require_provenance"),
        False,
    ),
    "thresholds.forbidden_tools - erp.drop@1": ((*THRESHOLDS, "forbidden_tools"), []),
    'thresholds.banned_combinations - {"name":"leak"}': (
        (*THRESHOLDS, "banned_combinations"),
        [{"name": "other"}],
    ),
    "thresholds.regions.acme + us": ((*THRESHOLDS, "regions", "acme"), ["eu", "us"]),
    "thresholds.regions.acme is not bounded any more": ((*THRESHOLDS, "regions"), {}),
    "thresholds.risk.spend is now low, was high": ((*THRESHOLDS, "risk", "spend"), "low"),
    "thresholds.gates.spend.role is now clerk, was holder": (
        (*THRESHOLDS, "gates", "spend", "role"),
        "clerk",
    ),
    "thresholds.gates.spend.quorum is now 1, was 2": (
        (*THRESHOLDS, "gates", "spend", "quorum"),
        None,
    ),
    "thresholds.gates.spend.above_micros is now 7, was 0": (
        (*THRESHOLDS, "gates", "spend", "above_micros"),
        7,
    ),
    "thresholds.gates.spend.except_domains + erp": (
        (*THRESHOLDS, "gates", "spend", "except_domains"),
        ["erp"],
    ),
    "thresholds.orders.hold + clerk": ((*THRESHOLDS, "orders", "hold"), ["operator", "clerk"]),
    "thresholds.promotion.role is now clerk, was policy_owner": (
        (*THRESHOLDS, "promotion", "role"),
        "clerk",
    ),
}
TIGHTER: dict[str, tuple[Place, JSON]] = {
    "fields where none were bounded": ((*AGENT, "fields"), FIELDS),
    "retired": ((*AGENT, "status"), "retired"),
    "a scope less": ((*AGENT, "scopes"), []),
    "no agent": (AGENT, None),
    "a bound for tools": (("registry", "agents", "idle", "tools"), ["erp.get@1"]),
    "suspended": ((*AGENT, "status"), "suspended"),
    "nobody": (("registry", "people", "ada"), None),
    "no host": (("registry", "egress", "acme"), []),
    "higher confidence": ((*THRESHOLDS, "min_confidence"), 0.9),
    "fewer calls": ((*THRESHOLDS, "max_calls"), 9),
    "a tool more is forbidden": ((*THRESHOLDS, "forbidden_tools"), ["erp.drop@1", "erp.put@1"]),
    "a bound for regions": ((*THRESHOLDS, "regions", "other"), ["eu"]),
    "more people": ((*THRESHOLDS, "gates", "spend", "quorum"), 3),
    "less time": ((*THRESHOLDS, "gates", "spend", "expires_in_ms"), 9),
    "riskier": ((*THRESHOLDS, "risk", "read"), "high"),
    "kept for longer": (("registry", "retention"), {"pii": "P90D"}),
}


def changed(place: Place, value: JSON) -> JSONObject:
    """Return the data with another value at a place; `None` takes it away."""
    made = copy.deepcopy(BASE)
    at: JSONObject = made
    for name in place[:-1]:
        inner = at[name]
        assert isinstance(inner, dict)
        at = inner
    if value is None:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return made


@pytest.mark.parametrize("told", WIDER)
def test_data_that_permits_more_is_named(told: str) -> None:
    """The place, and what it permits besides; whatever nobody described counts too."""
    assert told in widened(BASE, changed(*WIDER[told]))


@pytest.mark.parametrize("name", TIGHTER)
def test_data_that_permits_less_is_not(name: str) -> None:
    """Nobody has to approve what only forbids."""
    assert widened(BASE, changed(*TIGHTER[name])) == []


def test_a_threshold_of_the_project_counts_over_the_default() -> None:
    """It is what rules read; moved between the two it stays what it was."""
    above = changed(("registry", "thresholds"), {"max_calls": 101})

    assert widened(BASE, above) == ["thresholds.max_calls is now 101, was 100"]
    assert widened(BASE, changed(("registry", "thresholds"), {"max_calls": 100})) == []
