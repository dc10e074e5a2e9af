"""Contracts for tests, with everything stated that must be."""

from remit.canonical import JSONObject
from remit.tool.contract import ToolContract

THING: JSONObject = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "micros": {"type": "integer"}},
    "required": ["id"],
    "additionalProperties": False,
}


def contract(name: str = "shop.make", **changes: object) -> ToolContract:
    """Return a contract without faults, but for `changes`; `call` is laid over the usual one."""
    call: dict[str, object] = {
        "kind": "http",
        "method": "POST",
        "url": "https://shop.example/things/{id}",
        "idempotency_header": "Idempotency-Key",
    }
    given = changes.pop("call", {})
    document: dict[str, object] = {
        "name": name,
        "version": "1.0.0",
        "owner": "team:shop",
        "description": "Make a thing.",
        "domain": "shop",
        "operation": "write",
        "input_schema": dict(THING),
        "output_schema": dict(THING),
        "idempotency": "key",
        "destinations": ["shop.example"],
        "irreversible": True,
        "call": call | (given if isinstance(given, dict) else {}),
    }
    return ToolContract.model_validate(document | changes)


def reading(name: str = "shop.get", **changes: object) -> ToolContract:
    """Return the contract of a read."""
    return contract(
        name, **{"operation": "read", "irreversible": False, "idempotency": "natural"} | changes
    )
