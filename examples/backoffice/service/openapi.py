"""The OpenAPI 3.1 document, made from the same declarations as the routes.

Owns nothing of its own: what is not declared cannot be routed, and what is declared is here.
Injected faults are, by their nature, outside of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus

from pydantic import JsonValue
from pydantic.json_schema import models_json_schema

from .annotations import for_remit
from .answers import Error
from .contract import Declaration, Operation
from .refusals import READS, UNAUTHORIZED, UNKNOWN, WRITES, Refusal

Json = dict[str, JsonValue]
REFS = "#/components/schemas/{model}"
KEY_HEADER: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Requests with one key have one effect and get one answer.",
    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,512}$"},
}


def _components(operations: list[Operation]) -> dict[str, JsonValue]:
    """Schemas of all answers and of what questions nest, by the name of their model."""
    answers = {o.answers for o in operations} | {Error}
    ordered = sorted(answers, key=lambda model: model.__name__)
    _, document = models_json_schema([(m, "serialization") for m in ordered], ref_template=REFS)
    schemas: dict[str, JsonValue] = dict(document["$defs"])
    for operation in operations:
        nested = operation.asks.model_json_schema(ref_template=REFS).get("$defs", {})
        for name, schema in nested.items():
            if schemas.setdefault(name, schema) != schema:
                raise ValueError(f"two different models are called {name!r}")
    return schemas


def _parameters(says: Declaration, fields: Json, required: set[str]) -> list[JsonValue]:
    """Path and query parameters, and the key of a write."""
    parameters: list[JsonValue] = [
        {
            "name": name,
            "in": "path" if name in says.path_fields else "query",
            "required": name in required,
            "schema": schema,
        }
        for name, schema in fields.items()
        if name in says.path_fields or not says.has_body
    ]
    return [*parameters, KEY_HEADER] if says.writes else parameters


def _body(says: Declaration, fields: Json, required: set[str]) -> Json:
    """The body: the fields that do not stand in the path."""
    inside = {name: schema for name, schema in fields.items() if name not in says.path_fields}
    needed: list[JsonValue] = [name for name in inside if name in required]
    schema: Json = {"type": "object", "properties": inside, "additionalProperties": False}
    if needed:
        schema["required"] = needed
    return {"required": bool(needed), "content": {"application/json": {"schema": schema}}}


def _refusals(says: Declaration, secured: bool) -> Iterable[Refusal]:
    yield from says.refuses
    yield from READS
    yield from UNKNOWN
    if says.has_body or says.writes:
        yield from WRITES
    if secured:
        yield UNAUTHORIZED


def _errors(says: Declaration, secured: bool) -> Json:
    """The error answers of an operation, with the codes that each status can carry."""
    by_status: defaultdict[int, list[Refusal]] = defaultdict(list)
    for refusal in _refusals(says, secured):
        by_status[refusal.status].append(refusal)
    return {
        str(status): {
            "description": "; ".join(f"`{r.code}`: {r.meaning}" for r in refusals),
            "content": {
                "application/json": {
                    "schema": {
                        "allOf": [{"$ref": REFS.format(model="Error")}],
                        "properties": {"code": {"enum": [r.code for r in refusals]}},
                    }
                }
            },
        }
        for status, refusals in sorted(by_status.items())
    }


def _success(operation: Operation) -> Json:
    schema: Json = {"$ref": REFS.format(model=operation.answers.__name__)}
    return {
        str(operation.says.success): {
            "description": HTTPStatus(operation.says.success).phrase,
            "content": {"application/json": {"schema": schema}},
        }
    }


def _operation(operation: Operation, secured: bool, told: Json) -> Json:
    says = operation.says
    asked = operation.asks.model_json_schema(ref_template=REFS)
    fields, required = asked.get("properties", {}), set(asked.get("required", []))
    entry: Json = {
        "operationId": says.name,
        "summary": operation.summary,
        "tags": [says.name.partition(".")[0]],
        "parameters": _parameters(says, fields, required),
        "responses": {**_success(operation), **_errors(says, secured)},
        "x-writes": says.writes,
        "x-natural": says.natural,
        "x-irreversible": says.irreversible,
        **told,
    }
    if says.has_body:
        entry["requestBody"] = _body(says, fields, required)
    if says.undo is not None:
        entry["x-undo"] = says.undo
    return entry


def _plain(name: str, summary: str, *, secured: bool) -> Json:
    """Entry of a path that answers an open JSON object and asks for nothing."""
    answer: Json = {
        "200": {
            "description": "OK",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    }
    entry: Json = {
        "operationId": name,
        "summary": summary,
        "responses": answer,
        "x-remit-skip": True,
    }
    return entry if secured else {**entry, "security": []}


def document(
    business: Iterable[Operation], controls: Iterable[Operation] = (), *, secured: bool
) -> Json:
    """Return the OpenAPI 3.1 document of the service.

    Args:
        business: Every operation of the company that is routed.
        controls: Every one on the service itself; they are none of Remit's.
        secured: Whether a bearer token is asked for.
    """
    working = list(business)
    listed = [*working, *controls]
    told = for_remit(working)
    paths: defaultdict[str, Json] = defaultdict(dict)
    for operation in listed:
        entry = _operation(
            operation, secured, told.get(operation.says.name, {"x-remit-skip": True})
        )
        paths[operation.says.path][operation.says.method.lower()] = entry
    paths["/health"]["get"] = _plain("health", "Tell that the service is up", secured=False)
    paths["/openapi.json"]["get"] = _plain("openapi", "Read this document", secured=True)
    components: Json = {"schemas": _components(listed)}
    made: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Back office",
            "version": "1.0.0",
            "description": "Finance, ERP, CRM, identity and mail of a company that is not real.",
        },
        "paths": dict(paths),
        "components": components,
    }
    if secured:
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{"bearer": []}]
    return made
