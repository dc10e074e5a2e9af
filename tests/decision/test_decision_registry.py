"""The data of a bundle is checked before it is built, so that no rule misses its threshold."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from remit.decision.overlay import check_registry

LIMIT: dict[str, object] = {"name": "few", "counts": "calls", "most": 5, "window_ms": 60_000}
_CORE = yaml.safe_load((Path(__file__).parents[2] / "policies" / "data.yaml").read_text())["remit"]


def limits(count: int) -> list[dict[str, object]]:
    """Return that many limits, each with a name of its own."""
    return [{**LIMIT, "name": f"few-{number}"} for number in range(count)]


def data(**registry: object) -> dict[str, Any]:
    """The core's defaults with a project's registry over them."""
    return {"defaults": copy.deepcopy(_CORE["defaults"]), "registry": registry}


def test_the_defaults_alone_are_whole() -> None:
    """Without any project every threshold stands."""
    check_registry({"defaults": _CORE["defaults"]})


def test_a_project_says_only_what_differs() -> None:
    """Parts of thresholds and gates are laid over the defaults before they are checked."""
    thresholds = {"min_confidence": 0.5, "gates": {"delete": {"role": "archivist"}}}

    check_registry(data(thresholds=thresholds, domains={"erp": {"anything": [1]}}))


def test_limits_sequences_and_ceilings_are_data() -> None:
    """What bounds agents, tenants and people over runs needs no code."""
    gate = {"role": "budget_holder", "expires_in_ms": 5}
    asking = {**LIMIT, "do": "gate", "gate": gate, "of": {"operation": "spend"}}
    sequence = {"name": "x", "calls": {}, "needs": ["a.b@1"], "do": "gate", "message": "why"}

    check_registry(
        data(
            agents={"buyer": {"scopes": [], "tenants": [], "budgets": [asking], "ceiling": []}},
            people={"a@b.example": {"roles": [], "budgets": limits(5)}},
            tenants={"acme": {"budgets": [LIMIT]}},
            thresholds={"sequences": [sequence]},
        )
    )


_HOURS = {"name": "x", "calls": {}, "days": [1], "from_minute": 540, "to_minute": 1020}
_EXCEPTION = {"code": "region.forbidden", "ticket": "SEC-7", "owner": "ciso", "expires_ms": 1}
_WAIVABLE = {"waivable": ["region.forbidden"]}


def test_tables_of_the_packs_are_taken() -> None:
    """What the next test refuses is wrong in one thing alone."""
    table = {"risk": {"high": "deny"}, "confidence": [{"below": 0.5, "do": "approve"}]}
    vendor = {"name": "x", "risk": "low", "review_due_ms": 1}
    packs = {
        "tolerance": table,
        "residency": {"pii": ["eu"]},
        "privacy": {"pii": {"domains": ["crm"]}},
        "hours": [_HOURS],
        "vendors": {"erp.order@1": vendor},
    }
    thresholds = {**_WAIVABLE, "packs": packs}

    check_registry(data(thresholds=thresholds, exceptions=[_EXCEPTION]))


_OWNED = {"owner": "team:desk"}


def test_an_agent_goes_from_proposed_to_retired() -> None:
    """Who owns it does not approve it; what nobody uses yet, or any more, needs no approval."""
    for status in ("proposed", "retired"):
        check_registry(
            data(agents={"x": {"scopes": [], "tenants": [], **_OWNED, "status": status}})
        )
    for status in ("approved", "active", "suspended"):
        approved = {**_OWNED, "status": status, "approved_by": "ciso@acme.example"}
        check_registry(data(agents={"x": {"scopes": [], "tenants": [], **approved}}))


@pytest.mark.parametrize(
    "registry",
    [
        {"agnets": {}},
        {"agents": {"buyer": {"scopes": ["erp.write"]}}},
        {"agents": {"buyer": {"scopes": ["erp"], "tenants": ["acme"]}}},
        {"agents": {"buyer": {"scopes": ["erp.destroy"], "tenants": ["acme"]}}},
        {"agents": {"buyer": {"scopes": [], "tenants": ["acme"], "status": "off"}}},
        {"people": {"a@b.example": {"roles": ["Budget Holder"]}}},
        {"egress": {"acme": ["https://erp.example/x"]}},
        {"egress": {"acme": ["ERP.example"]}},
        {"egress": {"acme": ["*"]}},
        {"thresholds": {"min_confidance": 0.5}},
        {"thresholds": {"min_confidence": "high"}},
        {"thresholds": {"max_steps": None}},
        {"thresholds": {"risk": {"write": "huge"}}},
        {"thresholds": {"gates": {"delete": {"quorum": 0}}}},
        {"agents": {"buyer": {"scopes": [], "tenants": [], "status": "asleep"}}},
        {"agents": {"buyer": {"scopes": [], "tenants": [], "owner": "team:desk"}}},
        {"agents": {"buyer": {"scopes": [], "tenants": [], **_OWNED, "approved_by": "Team:Desk "}}},
        {"agents": {"buyer": {"scopes": [], "tenants": [], "fields": {"a.b@1": {"set": ["x"]}}}}},
        {"thresholds": {"gates": {"delete": {"expires_in_ms": 0}}}},
        {"thresholds": {"gates": {"wipe": {"role": "x", "expires_in_ms": 1}}}},
        {"thresholds": {"banned_combinations": [{"name": "x", "steps": [], "message": ""}]}},
        {"thresholds": {"sequences": [{"name": "x", "calls": {}, "message": "says nothing"}]}},
        {"thresholds": {"sequences": [{"name": "x", "needs": ["a.b@1"], "message": "of what"}]}},
        {"agents": {"buyer": {"scopes": [], "tenants": [], "budgets": [{**LIMIT, "most": -1}]}}},
        {"agents": {"buyer": {"scopes": [], "tenants": [], "budgets": limits(6)}}},
        {"agents": {"buyer": {"scopes": [], "tenants": [], "budgets": [LIMIT, LIMIT]}}},
        {"people": {"A@b.example": {"roles": [], "budgets": [LIMIT]}}},
        {"people": {"a@b.example": {"roles": [], "budgets": [{**LIMIT, "window_ms": 0}]}}},
        {"tenants": {"acme": {"budgets": [{**LIMIT, "counts": "hours"}]}}},
        {"agents": {"buyer": {"scopes": [], "tenants": [], "ceiling": ["erp"]}}},
        {"thresholds": {"packs": {"tolerance": {"risk": {"huge": "deny"}}}}},
        {"thresholds": {"packs": {"tolerance": {"risk": {"high": "forbid"}}}}},
        {"thresholds": {"packs": {"tolerance": {"confidence": [{"below": 1.1, "do": "deny"}]}}}},
        {"thresholds": {"packs": {"privacy": {"pii": ["crm"]}}}},
        {"thresholds": {"packs": {"hours": [{**_HOURS, "days": [0]}]}}},
        {"thresholds": {"packs": {"hours": [{**_HOURS, "to_minute": 540}]}}},
        {"thresholds": {"waivable": ["input.missing"]}},
        {"thresholds": {"waivable": ["agent.not_active"]}},
        {"thresholds": {"waivable": ["everything"]}},
        {"exceptions": [_EXCEPTION]},
        {"exceptions": [{**_EXCEPTION, "ticket": ""}], "thresholds": _WAIVABLE},
        {"exceptions": [{**_EXCEPTION, "code": "egress.host"}], "thresholds": _WAIVABLE},
        {"thresholds": {"packs": {"vendors": {"erp.order@1": {"name": "x", "risk": "low"}}}}},
    ],
)
def test_what_a_rule_could_not_read_is_refused(registry: dict[str, object]) -> None:
    """Unknown names, wrong types, and bounds that mean nothing."""
    with pytest.raises(ValidationError):
        check_registry(data(**registry))


def test_a_bundle_without_the_defaults_is_refused() -> None:
    """The rules would find no thresholds at all."""
    with pytest.raises(ValidationError):
        check_registry({"registry": {}})
