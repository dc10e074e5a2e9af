"""The smallest facts about which two sets of rules still disagree.

Pure: `minimal` is given answers and asks for nothing itself. Every value of the facts that does not
matter is made neutral (nothing, an empty text, zero, the first word of a closed list), every list
item and every argument that does not matter is dropped; what remains is why the answer changed. The
search is delta debugging by complements: its result cannot be made smaller by one more value.
"""

from collections.abc import Generator, Sequence
from itertools import pairwise
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin

from pydantic import BaseModel

from remit.canonical import JSON, JSONObject
from remit.decision.facts import Facts

Place = tuple[str | int, ...]
"""Where a value stands in the facts."""
Search = Generator[Sequence[JSONObject], Sequence[bool], tuple[JSONObject, Sequence[Place]]]
"""Yields facts, is sent for each whether the answers still differ so; returns the smallest, with
the places that keep their values."""

_FIXED = ("schema_version", "kind")
_FREE = "arguments"
"""The part of the facts that has no closed form: its members may be absent."""
MOST_TRIALS = 2000


def minimal(facts: JSONObject) -> Search:
    """Search for the smallest facts; see `Search`.

    Items of lists and arguments go first, as wholes: what stands within them need not be tried.

    Args:
        facts: what was asked; the answers about it differ.
    """
    places = list(_places(facts))
    items = [one for one in places if _is_droppable(one)]
    values = [one for one in places if not _is_droppable(one)]
    items = yield from _smallest(facts, items, values)
    gone = {one for one in places if _is_droppable(one)} - set(items)
    within = [one for one in values if not any(one[:end] in gone for end in range(1, len(one)))]
    values = yield from _smallest(facts, within, items)
    kept = [*items, *values]
    return reduced(facts, frozenset(kept)), sorted(kept, key=str)


def _smallest(
    facts: JSONObject, kept: Sequence[Place], besides: Sequence[Place]
) -> Generator[Sequence[JSONObject], Sequence[bool], list[Place]]:
    """Search among `kept`, while the places `besides` stay."""
    parts, trials = 2, 0
    kept = list(kept)
    while kept and trials < MOST_TRIALS:
        chunks = _split(kept, min(parts, len(kept)))
        smaller = [[one for one in kept if one not in chunk] for chunk in map(set, chunks)]
        answers = yield [reduced(facts, frozenset([*one, *besides])) for one in smaller]
        trials += len(smaller)
        found = next((one for one, differs in zip(smaller, answers, strict=True) if differs), None)
        if found is not None:
            kept, parts = found, max(parts - 1, 2)
        elif parts >= len(kept):
            break
        else:
            parts = min(parts * 2, len(kept))
    return kept


def reduced(facts: JSONObject, kept: frozenset[Place]) -> JSONObject:
    """Return `facts` with everything made neutral or dropped that does not stand in `kept`."""
    made = _reduced(facts, (), Facts, kept)
    plan = made.get("plan") if isinstance(made, dict) else None
    if isinstance(plan, dict) and isinstance(steps := plan.get("steps"), list) and steps:
        # Facts whose list is not whole are refused for that alone.
        plan["steps_total"] = len(steps)
    return made if isinstance(made, dict) else {}


def _places(value: JSON, at: Place = ()) -> Generator[Place, None, None]:
    """Yield every place that can be made neutral or dropped."""
    if isinstance(value, dict):
        for name, member in value.items():
            if at or name not in _FIXED:
                if _is_free(at):
                    yield (*at, name)
                yield from _places(member, (*at, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield (*at, number)
            yield from _places(item, (*at, number))
    elif value is not None and not (at and _is_droppable(at)):
        yield at


def _reduced(value: JSON, at: Place, form: object, kept: frozenset[Place]) -> JSON:
    if isinstance(value, dict):
        droppable = _is_free(at)
        return {
            name: member
            if not at and name in _FIXED
            else _reduced(member, (*at, name), inner, kept)
            for name, member in value.items()
            for inner in [_member(form, name)]
            if not droppable or (*at, name) in kept
        }
    if isinstance(value, list):
        inner = _item(form)
        numbered = [(number, item) for number, item in enumerate(value) if (*at, number) in kept]
        if not numbered and _may_be_absent(form):
            return None
        return [_reduced(item, (*at, number), inner, kept) for number, item in numbered]
    is_kept = bool(at) and (_is_droppable(at) or at in kept)
    return value if is_kept else _neutral(value, form)


def _is_droppable(at: Place) -> bool:
    """Whether the place may be absent, and needs not only be made neutral."""
    return isinstance(at[-1], int) or _is_free(at[:-1])


def _is_free(at: Place) -> bool:
    return _FREE in at


def _neutral(value: JSON, form: object) -> JSON:
    if _may_be_absent(form):
        return None
    words = [word for one in _parts(form) if get_origin(one) is Literal for word in get_args(one)]
    if words:
        first: JSON = words[0]
        return first
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return ""
    return 0 if isinstance(value, int) else None


def _may_be_absent(form: object) -> bool:
    return get_origin(form) in (Union, UnionType) and NoneType in get_args(form)


def _member(form: object, name: str) -> object:
    """Return the declared type of a member."""
    for one in _parts(form):
        if isinstance(one, type) and issubclass(one, BaseModel) and name in one.model_fields:
            return one.model_fields[name].annotation
    return None


def _item(form: object) -> object:
    found = [get_args(one)[0] for one in _parts(form) if get_origin(one) is list]
    return found[0] if found else None


def _parts(form: object) -> Sequence[object]:
    """Return the alternatives of a declared type."""
    if get_origin(form) in (Union, UnionType):
        return [one for one in get_args(form) if one is not NoneType]
    return [form]


def _split(places: Sequence[Place], into: int) -> list[Sequence[Place]]:
    """Return `places` in so many parts of nearly equal length."""
    bounds = [len(places) * number // into for number in range(into + 1)]
    return [places[low:high] for low, high in pairwise(bounds)]
