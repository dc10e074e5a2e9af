"""What an allow demands of the call. An obligation can only weaken it, or tell of it.

The arguments that reach the tool are those that `apply` returns, and `enforced_digest` is theirs;
of the answer nothing stands but what `left_standing` returns. A critical obligation that cannot be
fulfilled refuses the call; any other one is left out, and the record says so.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from remit.canonical import JSON, JSONObject
from remit.data.detector import MASK, MaskError, masked
from remit.data.findings import FURTHER, Read
from remit.decision.decision import (
    KNOWN,
    Keep,
    Limit,
    Log,
    Notify,
    Obligation,
    Redact,
    Route,
    UnknownObligation,
)
from remit.diagnostic import escaped
from remit.tool.pointer import PointerError, follow, put, split

CAPABILITIES = [*KNOWN]
"""Obligations that this enforcement point fulfils; policy may deny early by them."""

REDACTED = MASK


class ObligationError(Exception):
    """An obligation cannot be fulfilled, so the call is not made."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What obligations leave of arguments, or of an answer."""

    value: JSON
    redacted: Sequence[str] = ()
    """Places that something was taken from; sorted."""


def apply(
    obligations: Sequence[Obligation], arguments: JSONObject, read: Read | None = None
) -> Applied:
    """Return the enforced arguments; the given ones stay as they are.

    Args:
        obligations: What policy obliges to.
        arguments: Of the call.
        read: What a further reader found in them; `None`: there is none.

    Raises:
        ObligationError: a critical obligation is unknown, or finds nothing to act on.
    """
    if not obligations:
        return Applied(arguments)
    enforced = copy.deepcopy(arguments)
    redacted: set[str] = set()
    for obligation in obligations:
        match obligation:
            case Redact(of="arguments"):
                redacted |= _redacted(enforced, obligation)
            case Limit():
                _limit(enforced, obligation)
            case UnknownObligation() if obligation.critical:
                raise ObligationError(f"this enforcement point cannot {obligation.type!r}")
    left = _masked_classes(enforced, obligations, "arguments", redacted, read)
    enforced = left if isinstance(left, dict) else enforced
    logged(obligations, arguments)
    value = arguments if enforced == arguments else enforced
    return Applied(value, sorted(redacted))


def providers(obligations: Sequence[Obligation]) -> frozenset[str] | None:
    """Return whom the call may go to; `None`: wherever its contract says."""
    routes = [frozenset(one.to) for one in obligations if isinstance(one, Route)]
    return frozenset.intersection(*routes) if routes else None


def left_out(obligations: Sequence[Obligation]) -> list[JSON]:
    """Return the types of the obligations that nothing here fulfils."""
    return [one.type for one in obligations if isinstance(one, UnknownObligation)]


def left_standing(
    obligations: Sequence[Obligation], output: JSON, read: Read | None = None
) -> Applied:
    """Return what may stand of an answer: what every `keep` names, without what is redacted.

    `read` is what a further reader found in it; `None`: there is none.

    Raises:
        ObligationError: something is to be redacted, and cannot be told from the rest.
    """
    redacted: set[str] = set()
    for obligation in obligations:
        match obligation:
            case Keep():
                output = _only(output, [split(path) for path in obligation.paths])
            case Redact(of="output"):
                for path in obligation.paths:
                    output = _masked_at(output, split(path), "", redacted)
    output = _masked_classes(output, obligations, "output", redacted, read)
    return Applied(output, sorted(redacted))


def notices(obligations: Sequence[Obligation], is_wanted_by_plan: bool = False) -> list[JSONObject]:
    """Return whom to tell what, as it is recorded.

    Args:
        obligations: What policy obliges to.
        is_wanted_by_plan: Whether the step's author wants somebody to be told too.
    """
    told: list[JSONObject] = [
        {"role": one.role, "message": one.message} for one in obligations if isinstance(one, Notify)
    ]
    if is_wanted_by_plan:
        told.append({"role": "operator", "message": "its plan wants people to be told"})
    return told


def logged(obligations: Sequence[Obligation], arguments: JSONObject) -> JSONObject:
    """Return the values of the arguments that are to be logged, by their pointers.

    Raises:
        ObligationError: a critical one names nothing.
    """
    found: JSONObject = {}
    for obligation in obligations:
        for path in obligation.paths if isinstance(obligation, Log) else ():
            try:
                found[path] = follow(arguments, path)
            except PointerError as error:
                if obligation.critical:
                    raise ObligationError(f"nothing to log at {path!r}") from error
    return found


def _only(value: JSON, paths: Sequence[tuple[str, ...]]) -> JSON:
    """Return the parts of a value that paths lead to; lists keep their length."""
    if any(not path for path in paths):
        return value
    if isinstance(value, dict):
        return {
            name: _only(member, below)
            for name, member in value.items()
            if (below := _below(paths, name))
        }
    if isinstance(value, list):
        return [
            _only(item, below) if (below := _below(paths, str(number))) else None
            for number, item in enumerate(value)
        ]
    return None


def _below(paths: Sequence[tuple[str, ...]], name: str) -> Sequence[tuple[str, ...]]:
    return [path[1:] for path in paths if path[0] in (name, "*")]


def _redacted(arguments: JSONObject, obligation: Redact) -> set[str]:
    redacted: set[str] = set()
    for path in obligation.paths:
        if put(arguments, path, REDACTED):
            redacted.add(path)
        elif obligation.critical:
            raise ObligationError(f"nothing to redact at {path!r}")
    return redacted


def _masked_classes(
    value: JSON,
    obligations: Sequence[Obligation],
    of: Literal["arguments", "output"],
    redacted: set[str],
    read: Read | None,
) -> JSON:
    """Take classes out of a value; where there are none of them nothing is to be done.

    All at once: a text of which something is gone is none that a further reader has read.
    """
    wanted = [one for one in obligations if isinstance(one, Redact) and one.of == of]
    classes = sorted({name for one in wanted for name in one.classes})
    if not classes:
        return value
    try:
        unknown = [] if read is not None else [one for one in classes if one in FURTHER]
        if unknown:
            raise MaskError("nothing here finds it, see docs/data-care.md#presidio")
        left, places = masked(value, classes, read)
    except MaskError as error:
        if not any(one.critical and one.classes for one in wanted):
            return value
        raise ObligationError(f"{', '.join(classes)} cannot be redacted: {error}") from error
    redacted.update(places)
    return left


def classes_wanted(obligations: Sequence[Obligation]) -> bool:
    """Say whether something of an answer is to be redacted by what is found in it."""
    wanted = [one for one in obligations if isinstance(one, Redact) and one.of == "output"]
    return any(one.classes for one in wanted)


def _masked_at(value: JSON, way: Sequence[str], at: str, redacted: set[str]) -> JSON:
    """Redact what a pointer leads to in an answer; what it does not have needs no redacting."""
    if not way:
        redacted.add(at)
        return REDACTED
    name, below = way[0], way[1:]
    if isinstance(value, dict):
        return {
            member: _masked_at(part, below, f"{at}/{escaped(member)}", redacted)
            if name in (member, "*")
            else part
            for member, part in value.items()
        }
    if isinstance(value, list):
        return [
            _masked_at(part, below, f"{at}/{number}", redacted)
            if name in (str(number), "*")
            else part
            for number, part in enumerate(value)
        ]
    return value


def _limit(arguments: JSONObject, obligation: Limit) -> None:
    try:
        value = follow(arguments, obligation.path)
    except PointerError:
        value = None
    if not isinstance(value, int | float) or isinstance(value, bool):
        if obligation.critical:
            raise ObligationError(f"no number to limit at {obligation.path!r}")
        return
    if value > obligation.max:
        put(arguments, obligation.path, obligation.max)
