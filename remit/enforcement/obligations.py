"""What an allow demands of the call. An obligation can only weaken it; an unknown one refuses it.

The arguments that reach the tool are those this module returns, and `enforced_digest` is theirs.
"""

import copy

from remit.canonical import JSON, JSONObject
from remit.decision.decision import Limit, Redact, UnknownObligation

CAPABILITIES = ["redact", "limit"]
"""Obligations that this enforcement point fulfils; policy may deny early by them."""

REDACTED = "[redacted]"


class ObligationError(Exception):
    """An obligation cannot be fulfilled, so the call is not made."""


def apply(
    obligations: list[Redact | Limit | UnknownObligation], arguments: JSONObject
) -> JSONObject:
    """Return the enforced arguments; the given ones stay as they are.

    Raises:
        ObligationError: an unknown obligation, or a critical one that finds nothing to act on.
    """
    if not obligations:
        return arguments
    enforced = copy.deepcopy(arguments)
    for obligation in obligations:
        match obligation:
            case Redact():
                for path in obligation.paths:
                    _redact(enforced, path, obligation.critical)
            case Limit():
                _limit(enforced, obligation)
            case UnknownObligation():
                raise ObligationError(f"this enforcement point cannot {obligation.type!r}")
    return enforced


def _redact(arguments: JSONObject, path: str, critical: bool) -> None:
    parent, name = _place(arguments, path)
    if isinstance(parent, dict) and name in parent:
        parent[name] = REDACTED
    elif isinstance(parent, list) and name.isdigit() and int(name) < len(parent):
        parent[int(name)] = REDACTED
    elif critical:
        raise ObligationError(f"nothing to redact at {path!r}")


def _limit(arguments: JSONObject, obligation: Limit) -> None:
    parent, name = _place(arguments, obligation.path)
    value = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        if obligation.critical:
            raise ObligationError(f"no number to limit at {obligation.path!r}")
        return
    if isinstance(parent, dict) and value > obligation.max:
        parent[name] = obligation.max


def _place(arguments: JSONObject, path: str) -> tuple[JSON, str]:
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:]]
    if not tokens:
        return None, ""
    place: JSON = arguments
    for token in tokens[:-1]:
        if isinstance(place, dict):
            place = place.get(token)
        elif isinstance(place, list) and token.isdigit() and int(token) < len(place):
            place = place[int(token)]
        else:
            return None, tokens[-1]
    return place, tokens[-1]
