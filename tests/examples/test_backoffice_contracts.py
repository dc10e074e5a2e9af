"""The example's contracts against the service's own OpenAPI document: neither may drift."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.stores.project import Project, load_project
from remit.tool.contract import Idempotency, ToolContract
from remit.tool.kinds import HttpKind

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "backoffice"
NOT_A_TOOL = {"requests.find", "openapi", "health"}
"""Asked by tests; no business of an agent's."""
TWICE = {"mail.notify": "mail.send"}
"""Contracts over an operation that has another contract too."""


@pytest.fixture(scope="module")
def project() -> Project:
    """The example."""
    return load_project(FOLDER)


@pytest.fixture(scope="module")
def described() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Path, method and description of every business operation."""
    # Its models take seconds to make, and each process that runs tests reads this file.
    from examples.backoffice.service import areas
    from examples.backoffice.service.openapi import document

    whole: dict[str, Any] = document(list(areas.business()), secured=False)
    _resolve_into(whole)
    return {
        entry["operationId"]: (path, method.upper(), entry)
        for path, methods in whole["paths"].items()
        for method, entry in methods.items()
        if entry["operationId"] not in NOT_A_TOOL
    }


def _resolve_into(whole: dict[str, Any]) -> None:
    """Replace references by what they lead to."""

    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [resolve(part) for part in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            found = whole
            for name in value["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            return resolve(found)
        return {name: resolve(part) for name, part in value.items()}

    whole["paths"] = resolve(whole["paths"])


def _fields(entry: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Return names of all fields of a request, and of those that it needs."""
    parameters = [each for each in entry.get("parameters", ()) if each["in"] != "header"]
    names = {each["name"] for each in parameters}
    needed = {each["name"] for each in parameters if each["required"]}
    if "requestBody" in entry:
        body = entry["requestBody"]["content"]["application/json"]["schema"]
        names |= body.get("properties", {}).keys()
        needed |= set(body.get("required", ()))
    return names, needed


def _answer(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the answer of a success."""
    success = next(each for status, each in entry["responses"].items() if status.startswith("2"))
    schema: dict[str, Any] = success["content"]["application/json"]["schema"]
    return schema


def _operation(contract: ToolContract) -> str:
    return TWICE.get(contract.name, contract.name)


def _kind(contract: ToolContract) -> HttpKind:
    assert isinstance(contract.call, HttpKind)
    return contract.call


def test_every_operation_is_a_tool(project: Project, described: dict[str, Any]) -> None:
    """The catalogue holds the business operations, all of them and nothing else."""
    assert {_operation(contract) for contract in project.catalogue} == described.keys()
    assert len(project.catalogue) == len(described) + len(TWICE)
    assert project.findings == ()


def test_tools_go_where_the_operations_are(project: Project, described: dict[str, Any]) -> None:
    """Method, path, query and body of each contract are the operation's."""
    for contract in project.catalogue:
        path, method, entry = described[_operation(contract)]
        kind = _kind(contract)
        query = {each["name"] for each in entry.get("parameters", ()) if each["in"] == "query"}
        assert (kind.url, kind.method) == (path, method)
        assert kind.query == {name: f"/{name}" for name in query}, contract.ref
        assert (kind.body == "*") == ("requestBody" in entry), contract.ref


def test_arguments_are_the_operations_fields(project: Project, described: dict[str, Any]) -> None:
    """Each contract takes the fields that its operation takes, and needs those that it needs."""
    for contract in project.catalogue:
        names, needed = _fields(described[_operation(contract)][2])
        schema: dict[str, Any] = dict(contract.input_schema)
        assert set(schema["properties"]) == names, contract.ref
        assert set(schema["required"]) >= needed, contract.ref
        assert set(schema["required"]) == needed or contract.name in TWICE, contract.ref
        assert schema["additionalProperties"] is False, contract.ref


def test_outputs_are_the_operations_answers(project: Project, described: dict[str, Any]) -> None:
    """Each contract promises the fields that its operation answers."""
    for contract in project.catalogue:
        promised: dict[str, Any] = dict(contract.output_schema)
        answered = _answer(described[_operation(contract)][2])
        assert promised["properties"].keys() == answered["properties"].keys(), contract.ref
        assert set(promised["required"]) == set(answered["required"]), contract.ref


def test_effects_are_what_the_operations_say(project: Project, described: dict[str, Any]) -> None:
    """What writes, what cannot be undone and what undoes it is the same on both sides."""
    for contract in project.catalogue:
        entry = described[_operation(contract)][2]
        undo = contract.compensation
        if contract.name in TWICE:
            continue
        assert contract.operation.has_effect == entry["x-writes"], contract.ref
        assert contract.irreversible == entry["x-irreversible"], contract.ref
        assert (undo.tool if undo else None) == (
            f"{entry['x-undo']}@1" if "x-undo" in entry else None
        ), contract.ref
        if contract.operation.has_effect:
            assert _kind(contract).idempotency_header == "Idempotency-Key", contract.ref
            assert contract.idempotency is Idempotency.KEY or entry["x-natural"], contract.ref


UNITS = {"_micros": "micros", "_bps": "basis points", "_days": "days"}


def _members(schema: Any) -> Iterator[tuple[str, Any, set[str]]]:
    """Yield name, schema and siblings of every member anywhere in a schema."""
    if not isinstance(schema, dict):
        return
    named = schema.get("properties", {})
    for name, part in named.items():
        yield name, part, set(named)
        yield from _members(part)
    yield from _members(schema.get("items"))


def test_numbers_say_what_they_count(project: Project) -> None:
    """Money, basis points and days, in each schema; money also where its currency stands."""
    counted = 0
    for contract in project.catalogue:
        for schema in (contract.input_schema, contract.output_schema):
            for name, part, beside in _members(schema):
                unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), None)
                if unit is None:
                    continue
                counted += 1
                assert part.get("x-unit") == unit, (contract.ref, name)
                is_stated = unit == "micros" and "currency" in beside
                assert part.get("x-currency") == ("currency" if is_stated else None), contract.ref
    assert counted > 50


def test_a_plan_cannot_take_a_discount_for_an_amount(project: Project) -> None:
    """Both are integers; what they count is held against each other before anything runs."""
    read: dict[str, Any] = {
        "id": "account",
        "tool": "crm.get_account@1",
        "args": {"account": "acc-1001"},
    }
    hold: dict[str, Any] = {
        "id": "hold",
        "tool": "finance.reserve_budget@1",
        "needs": ["account"],
        "args": {
            "budget": "workplace",
            "amount_micros": "${steps.account.output.discount_bps}",
            "currency": "EUR",
            "requester": "requester@acme.example",
            "reference": "x",
        },
    }
    plan: dict[str, Any] = {
        "schema": "remit.plan/v1",
        "name": "mistaken",
        "version": "1.0.0",
        "goal": "mistake one number for another",
        "agent": "buyer@1.4.0",
        "on_behalf_of": "requester@acme.example",
        "tenant": "acme",
        "owner": "team:workplace",
        "steps": [read, hold],
    }

    found = compile_plan(plan, project.catalogue, Library()).diagnostics

    assert [one.code for one in found] == ["PLAN-ARGUMENT-UNIT"]
