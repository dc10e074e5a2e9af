"""Whether values of one shape can stand where another is expected.

Two questions. `misfits`: what is surely wrong when a value goes where a schema waits for it, and
what may be? `is_assignable`: is every value of one shape a value of the other, as far as is known?
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from remit.plan.codes import Code
from remit.plan.shape import Shape, in_currency_of

Path = tuple[str | int, ...]
_NUMBERS = frozenset({"integer", "number"})


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that does not fit; a warning when it only may not."""

    code: Code
    path: Path
    message: str
    known: tuple[str, ...] = ()
    """Names that would have fitted."""

    @property
    def is_warning(self) -> bool:
        """Whether it depends on the value."""
        return self.code in (Code.MAY_BE_NULL, Code.MAY_BE_MISSING, Code.MAY_BE_OUT_OF_RANGE)


def misfits(source: Shape, target: Shape, path: Path, *, written: bool) -> Iterator[Misfit]:
    """Yield what keeps `source` from `target`.

    `written`: the members stand in the plan itself, so one that no schema speaks of is a slip.
    """
    if source.is_any or target.is_any:
        return
    shared = source.kinds & target.kinds
    if not shared or shared == {"null"} != source.kinds:
        message = f"it is {source.words}, and {target.words} is expected"
        yield Misfit(Code.ARGUMENT_TYPE, path, message)
        return
    if source.may_be_null and not target.may_be_null:
        yield Misfit(Code.MAY_BE_NULL, path, f"it may be null, and {target.words} is expected")
    if source.values is not None and target.values is not None:
        yield from _wrong_values(source, target, path)
    yield from _meaning_misfits(source, target, path)
    if "object" in shared:
        yield from _member_misfits(source, target, path, written=written)
    if "array" in shared and source.item is not None and target.item is not None:
        yield from misfits(source.item, target.item, path, written=written)


def _meaning_misfits(source: Shape, target: Shape, path: Path) -> Iterator[Misfit]:
    """Yield where two numbers of one type mean different things."""
    if _differ(source.unit, target.unit):
        message = f"it is in {source.unit}, and {target.unit} is expected"
        yield Misfit(Code.ARGUMENT_UNIT, path, message)
    if _differ(source.currency, target.currency):
        message = f"it is in {source.currency}, and {target.currency} is expected"
        yield Misfit(Code.ARGUMENT_CURRENCY, path, message)
    if not source.kinds & _NUMBERS:
        return
    least, most = _or(source.low, -inf), _or(source.high, inf)
    low, high = _or(target.low, -inf), _or(target.high, inf)
    if (least > high or most < low) and source.kinds <= _NUMBERS:
        message = f"it is {_range(source)}, and {_range(target)} is expected"
        yield Misfit(Code.ARGUMENT_RANGE, path, message)
    elif -inf < least < low or high < most < inf:
        message = f"it is {_range(source)}, and {_range(target)} is expected"
        yield Misfit(Code.MAY_BE_OUT_OF_RANGE, path, message)


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _or(bound: float | None, otherwise: float) -> float:
    return otherwise if bound is None else bound


def _range(shape: Shape) -> str:
    ends = [("at least", shape.low), ("at most", shape.high)]
    return " and ".join(f"{word} {end:g}" for word, end in ends if end is not None) or "any number"


def is_assignable(source: Shape, target: Shape) -> bool:
    """Say whether every value of `source` is one of `target`, as far as shapes can tell."""
    if source is target or target.is_any:
        return True
    if source.is_any or not source.kinds <= target.kinds:
        return False
    if target.values is not None and not _is_subset(source, target):
        return False
    if _differ(source.unit, target.unit) or _differ(source.currency, target.currency):
        return False
    if "object" in source.kinds and not _members_assignable(source, target):
        return False
    if "array" not in source.kinds or target.item is None or target.item.is_any:
        return True
    return source.item is not None and is_assignable(source.item, target.item)


def _wrong_values(source: Shape, target: Shape, path: Path) -> Iterator[Misfit]:
    allowed = target.values or ()
    if not any(value in allowed for value in source.values or ()):
        shown = ", ".join(repr(value) for value in allowed[:8])
        yield Misfit(Code.ARGUMENT_TYPE, path, f"its value is none of {shown}")


def _member_misfits(source: Shape, target: Shape, path: Path, *, written: bool) -> Iterator[Misfit]:
    for name in sorted(target.required - source.required):
        if name in source.fields or source.rest is not None:
            yield Misfit(Code.MAY_BE_MISSING, path, f"{name!r} is expected and may be absent")
        elif source.is_closed:
            message = f"{name!r} is expected and not given"
            yield Misfit(Code.ARGUMENT_MISSING, path, message, (name,))
    for name, shape in source.fields.items():
        expected = target.fields.get(name, target.rest)
        if expected is not None:
            expected = in_currency_of(expected, source.fields)
            yield from misfits(shape, expected, (*path, name), written=written)
        elif written or target.is_closed:
            message = f"nothing called {name!r} is expected"
            yield Misfit(Code.ARGUMENT_UNKNOWN, (*path, name), message, tuple(target.fields))


def _is_subset(source: Shape, target: Shape) -> bool:
    allowed = target.values or ()
    return source.values is not None and all(value in allowed for value in source.values)


def _members_assignable(source: Shape, target: Shape) -> bool:
    if not target.required <= source.required:
        return False
    if target.is_closed and not source.fields.keys() <= target.fields.keys():
        return False
    return all(
        is_assignable(shape, target.fields[name])
        for name, shape in source.fields.items()
        if name in target.fields
    )
