"""What people see of arguments and outputs in the web UI: small, and without sensitive data."""

from collections.abc import Sequence

from remit.canonical import JSON, JSONObject

_HIDDEN_CLASSES = frozenset({"pii", "personal", "secret", "confidential"})
_SHOWN_TO_APPROVERS = frozenset({"personal", "confidential"})
"""Who approves has to see what exactly; a card is for the people of its role."""
_HIDDEN_NAMES = ("password", "secret", "token", "authorization", "api_key", "iban", "ssn")
_TEXT = 120
_ITEMS = 10
_DEPTH = 4


def shown(value: JSON, data_classes: Sequence[str]) -> JSON:
    """Return a bounded view of `value`; data of a sensitive class is named, not shown."""
    hidden = sorted(_HIDDEN_CLASSES.intersection(data_classes))
    if hidden:
        return f"[{', '.join(hidden)}]"
    return _small(value, 0)


def shown_arguments(arguments: JSONObject, data_classes: Sequence[str]) -> JSONObject:
    """Return the arguments for a gate's card; sensitive values are replaced by their class."""
    hidden = sorted(_HIDDEN_CLASSES.intersection(data_classes) - _SHOWN_TO_APPROVERS)
    if hidden:
        return {name: f"[{', '.join(hidden)}]" for name in list(arguments)[:_ITEMS]}
    view = _small(arguments, 0)
    return view if isinstance(view, dict) else {}


def _small(value: JSON, depth: int) -> JSON:
    match value:
        case str() if len(value) > _TEXT:
            return value[:_TEXT] + "…"
        case list() if depth < _DEPTH:
            more: list[JSON] = [f"… {len(value) - _ITEMS} more"] if len(value) > _ITEMS else []
            return [_small(part, depth + 1) for part in value[:_ITEMS]] + more
        case dict() if depth < _DEPTH:
            return {name: _member(name, value[name], depth) for name in list(value)[: 2 * _ITEMS]}
        case list() | dict():
            return "…"
    return value


def _member(name: str, value: JSON, depth: int) -> JSON:
    if any(word in name.lower() for word in _HIDDEN_NAMES):
        return "[hidden]"
    return _small(value, depth + 1)
