"""The OpenAPI document is true: it lists what is routed, and answers are what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import jsonschema_rs
import pytest
from starlette.routing import Route

if TYPE_CHECKING:
    from examples.backoffice.service.contract import Operation


def test_every_route_is_in_the_document(document: dict[str, Any], tmp_path: Path) -> None:
    """The routes of the application and the entries of the document are the same."""
    from examples.backoffice.service.app import build_app
    from examples.backoffice.service.connections import Connections
    from examples.backoffice.service.store import Store

    app = build_app(Store(tmp_path / "unused.db"), Connections(), token=None)
    routed = {
        (route.path, method)
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    described = {
        (path, method.upper()) for path, methods in document["paths"].items() for method in methods
    }

    assert described == routed
    assert document["openapi"] == "3.1.0"


def test_operation_names_are_unique(every: list[Operation]) -> None:
    """No two operations share a name or a method and path."""
    assert len({o.says.name for o in every}) == len(every)
    assert len({(o.says.method, o.says.path) for o in every}) == len(every)


def test_entry_says_what_the_declaration_says(
    document: dict[str, Any], every: list[Operation]
) -> None:
    """Parameters, refusals and undo of each operation stand in its entry."""
    for operation in every:
        _check_entry(document, operation)


def _check_entry(document: dict[str, Any], operation: Operation) -> None:
    says = operation.says
    entry = document["paths"][says.path][says.method.lower()]
    codes = {
        code
        for answer in entry["responses"].values()
        for code in answer["content"]["application/json"]["schema"]
        .get("properties", {})
        .get("code", {})
        .get("enum", [])
    }
    given = {p["name"] for p in entry["parameters"]}
    body = entry.get("requestBody", {}).get("content", {}).get("application/json", {})
    given |= set(body.get("schema", {}).get("properties", {}))

    assert entry["operationId"] == says.name
    assert entry["summary"]
    assert {refusal.code for refusal in says.refuses} <= codes, says.name
    assert given - {"Idempotency-Key"} == set(operation.asks.model_fields), says.name
    assert ("Idempotency-Key" in given) == says.writes, says.name
    assert entry.get("x-undo") == says.undo, says.name


def test_undo_operations_exist(business: list[Operation], every: list[Operation]) -> None:
    """Every write names an undo that exists, is itself an undo, or says it is irreversible."""
    by_name = {o.says.name: o.says for o in every}
    undos = {o.says.undo for o in every if o.says.undo}
    for says in (o.says for o in business if o.says.writes):
        assert says.undo or says.irreversible or says.name in undos, says.name

    assert undos <= by_name.keys()
    assert all(by_name[undo].natural for undo in undos)


def test_schemas_are_json_schema(document: dict[str, Any]) -> None:
    """Every component is a valid JSON Schema whose references resolve."""
    schemas = document["components"]["schemas"]
    references = set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(document)))

    assert [name for name in schemas if not jsonschema_rs.meta.is_valid(schemas[name])] == []
    assert references
    assert references <= {f"#/components/schemas/{name}" for name in schemas}


def test_answers_are_closed_objects(document: dict[str, Any], every: list[Operation]) -> None:
    """An answer admits no undeclared field, so that a drifted answer is seen as one."""
    for operation in every:
        schema = document["components"]["schemas"][operation.answers.__name__]

        assert schema["additionalProperties"] is False
        assert schema["required"]


@pytest.mark.parametrize("path", ["/nothing", "/erp/orders/a/b/c"])
def test_unknown_path_is_a_json_error(api: httpx2.Client, path: str) -> None:
    """A path that does not exist answers with a stable code."""
    answer = api.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_wrong_method_is_a_json_error(api: httpx2.Client) -> None:
    """A method that a path does not have answers with a stable code."""
    answer = api.put("/erp/orders", json={})

    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
