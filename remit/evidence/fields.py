"""How records are read: a field that has not the expected form counts as empty.

A record, and what it names, may say anything. Nothing here refuses; nothing here does I/O.
"""

from remit.canonical import JSON, JSONObject


def text(value: JSON, name: str) -> str:
    """Return a text field; empty when it is something else."""
    found = _field(value, name)
    return found if isinstance(found, str) else ""


def whole(value: JSON, name: str) -> int:
    """Return a number field; 0 when it is something else."""
    found = _field(value, name)
    return found if type(found) is int else 0


def inner(value: JSON, name: str) -> JSONObject:
    """Return an object field; empty when it is something else."""
    found = _field(value, name)
    return found if isinstance(found, dict) else {}


def items(value: JSON, name: str) -> list[JSON]:
    """Return a list field; empty when it is something else."""
    found = _field(value, name)
    return found if isinstance(found, list) else []


def objects(value: JSON, name: str) -> list[JSONObject]:
    """Return the objects of a list field."""
    return [one for one in items(value, name) if isinstance(one, dict)]


def path_of(body: JSONObject) -> str:
    """Return the path that a record is about, by itself or by its step key; else nothing."""
    parts = text(body, "step_key").rsplit(":", 2)
    return text(body, "path") or (parts[1] if len(parts) == 3 else "")


def _field(value: JSON, name: str) -> JSON:
    return value.get(name) if isinstance(value, dict) else None
