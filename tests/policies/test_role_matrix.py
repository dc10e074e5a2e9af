"""Who may do what, cell by cell: people by role and order or vote, agents by scope."""

from collections.abc import Iterator
from typing import get_args

import pytest
import yaml

from remit.canonical import JSONObject
from remit.decision.facts import Facts, Order, Verb
from tests.policies import given
from tests.policies.served import MY_PROJECT, Served, serve

pytestmark = pytest.mark.opa

ROLES = ("operator", "security_officer", "data_owner", "budget_holder", "policy_owner", "")
"""The last is somebody who is known and holds none."""
ORDERS = {
    "hold": {"operator"},
    "resume": {"operator"},
    "rollback": {"operator"},
    "resolve_doubt": {"operator"},
    "repair": {"operator"},
    "amend": {"operator"},
    "stop": {"operator", "security_officer"},
    "go": {"operator", "security_officer"},
    "forget": {"data_owner"},
    "retain": {"data_owner", "security_officer"},
    "release": {"data_owner", "security_officer"},
    "quarantine_release": {"data_owner"},
    "quarantine_discard": {"data_owner"},
}
"""Roles that may give an order."""
OPERATIONS = ("read", "write", "delete", "trigger", "spend")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The policies, with a person for each role and an agent for each operation."""
    project = tmp_path_factory.mktemp("office") / "policies"
    data = yaml.safe_load((MY_PROJECT / "data.yaml").read_text(encoding="utf-8"))
    registry = data["remit"]["registry"]
    for role in ROLES:
        registry["people"][_person(role)] = {"roles": [role] if role else []}
    for operation in OPERATIONS:
        registry["agents"][f"only-{operation}"] = {
            "scopes": [f"desk.{operation}"],
            "tenants": ["acme"],
        }
    domain = project / "domains" / "desk"
    domain.mkdir(parents=True)
    for file in (MY_PROJECT / "domains" / "desk").glob("*.rego"):
        (domain / file.name).write_text(file.read_text(encoding="utf-8"))
    (project / "data.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    with serve(project=project) as served:
        yield served


def _person(role: str) -> str:
    return f"{role or 'nobody-special'}@matrix.example"


def _effect(served: Served, facts: Facts) -> object:
    return served.ask(given.document(facts))["effect"]


def test_the_matrix_names_every_order() -> None:
    """A new order has no cell until somebody says who may give it."""
    assert set(ORDERS) == set(get_args(Order.model_fields["name"].annotation))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role or "none")
@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_taken_from_its_roles_alone(office: Served, name: str, role: str) -> None:
    """Every other role is refused, and so is whoever holds none."""
    expected = "allow" if role in ORDERS[name] else "deny"

    assert _effect(office, given.order(_person(role), name)) == expected


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role or "none")
@pytest.mark.parametrize("verb", get_args(Verb))
def test_a_vote_counts_from_the_gates_role_alone(office: Served, verb: str, role: str) -> None:
    """Whatever is said at the gate, which asks a budget holder."""
    facts = given.vote(_person(role))
    assert facts.vote is not None
    to = "holder@acme.example" if verb == "delegate" else ""
    said = facts.vote.model_copy(update={"verdict": verb, "to": to})
    expected = "allow" if role == "budget_holder" else "deny"

    assert _effect(office, facts.model_copy(update={"vote": said})) == expected


@pytest.mark.parametrize("scope", OPERATIONS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_agent_does_what_its_scope_says_alone(
    office: Served, operation: str, scope: str
) -> None:
    """Deleting and spending wait for a person even so."""
    asked: JSONObject = {"operation": operation}
    facts = given.call(**asked)
    who = given.PRINCIPAL.model_copy(update={"agent": f"only-{scope}"})
    allowed = "require_approval" if operation in ("delete", "spend") else "allow"

    effect = _effect(office, facts.model_copy(update={"principal": who}))
    assert effect == (allowed if scope == operation else "deny")
