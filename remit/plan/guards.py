"""Which step outputs an expression reads, and which of these readings a `has()` guards.

CEL's `&&` and `||` do not care for order: `a && b` is false when either is, even if the other is an
error. So in a conjunction each side is guarded by what the other says when it is true, and in a
disjunction by what the other says when it is false.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from remit.plan.syntax import Aggregate, Call, Expr, Fold, Ident, Literal, Select

Way = tuple[str | int, ...]
"""Names and indexes behind a root name."""

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """One place where an expression reads a root name."""

    root: str
    way: Way
    is_guarded: bool
    is_test: bool
    """Whether the last name stands in `has()`, so that it may be absent."""

    @property
    def step(self) -> str | None:
        """The step whose output it reads, if it does."""
        if self.root == "steps" and self.way[1:2] == ("output",):
            return str(self.way[0])
        return None

    @property
    def asks_for_step(self) -> bool:
        """Whether it is `has(steps.<id>.output)`, which reads nothing."""
        return self.is_test and len(self.way) == 2 and self.step is not None

    @property
    def use(self) -> Way:
        """The way into the step's output that must be there."""
        return self.way[2:-1] if self.is_test else self.way[2:]

    def about(self, steps: Mapping[str, str]) -> "Reading":
        """Return the same reading of another step, where `steps` says which."""
        step = steps.get(self.step or "")
        if step is None:
            return self
        return Reading(self.root, (step, *self.way[1:]), self.is_guarded, self.is_test)


def readings(root: Expr) -> list[Reading]:
    """Return every reading in an expression, loop variables of its macros aside."""
    return list(_walk(root, _NOTHING, _NOTHING))


def _walk(expr: Expr, known: frozenset[str], bound: frozenset[str]) -> Iterator[Reading]:
    """Yield readings, where the outputs of `known` are there and `bound` are local names."""
    match expr:
        case Ident() | Select():
            yield from _read_chain(expr, known, bound)
        case Call(function="_[_]"):
            yield from _read_chain(expr, known, bound)
        case Call(function="_&&_" | "_||_" as operator, args=(left, right)):
            truth = operator == "_&&_"
            yield from _walk(left, known | _facts(right, truth, bound), bound)
            yield from _walk(right, known | _facts(left, truth, bound), bound)
        case Call(function="_?_:_", args=(condition, then, otherwise)):
            yield from _walk(condition, known, bound)
            yield from _walk(then, known | _facts(condition, True, bound), bound)
            yield from _walk(otherwise, known | _facts(condition, False, bound), bound)
        case Call(args=parts) | Aggregate(parts=parts):
            for part in parts:
                yield from _walk(part, known, bound)
        case Fold():
            yield from _walk(expr.range, known, bound)
            yield from _walk(expr.start, known, bound)
            for part in expr.inner:
                yield from _walk(part, known, bound | expr.variables)


def _read_chain(
    expr: Ident | Select | Call, known: frozenset[str], bound: frozenset[str]
) -> Iterator[Reading]:
    root, way, others = _chain(expr)
    for other in others:
        yield from _walk(other, known, bound)
    if root is None or root in bound:
        return
    is_test = isinstance(expr, Select) and expr.is_test
    step = str(way[0]) if root == "steps" and way else ""
    yield Reading(root, way, step in known, is_test)


def _chain(expr: Expr) -> tuple[str | None, Way, list[Expr]]:
    """Return root name, the way behind it, and the expressions met that are no part of it.

    An index that is not written out ends the way: what lies behind it is not told apart.
    """
    way: list[str | int] = []
    others: list[Expr] = []
    here = expr
    while True:
        match here:
            case Select(operand=operand, field=field):
                way.append(field)
                here = operand
            case Call(function="_[_]", args=(operand, Literal(value=str() | int() as part))):
                way.append(part)
                here = operand
            case Call(function="_[_]", args=(operand, index)):
                way.clear()
                others.append(index)
                here = operand
            case Ident(name=name):
                return name, tuple(reversed(way)), others
            case _:
                return None, (), [here, *others]


def _facts(expr: Expr, truth: bool, bound: frozenset[str]) -> frozenset[str]:
    """Return the steps whose outputs are surely there when `expr` is `truth`."""
    match expr:
        case Select(is_test=True):
            root, way, _ = _chain(expr)
            is_output = root == "steps" and "steps" not in bound and way[1:] == ("output",)
            return frozenset({str(way[0])}) if truth and is_output else _NOTHING
        case Call(function="!_", args=(part,)):
            return _facts(part, not truth, bound)
        case Call(function="_&&_" | "_||_" as operator, args=(left, right)):
            one, other = _facts(left, truth, bound), _facts(right, truth, bound)
            return one | other if truth == (operator == "_&&_") else one & other
    return _NOTHING


def nesting(expr: Expr) -> int:
    """Return how deeply macros stand inside one another."""
    match expr:
        case Fold():
            inner = max((nesting(part) for part in expr.inner), default=0)
            return max(1 + inner, nesting(expr.range))
        case Select(operand=operand):
            return nesting(operand)
        case Call(args=parts) | Aggregate(parts=parts):
            return max((nesting(part) for part in parts), default=0)
    return 0


def every(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and everything in it."""
    waiting = [expr]
    while waiting:
        here = waiting.pop()
        yield here
        match here:
            case Select(operand=operand):
                waiting.append(operand)
            case Call(args=parts) | Aggregate(parts=parts):
                waiting.extend(parts)
            case Fold():
                waiting += [here.range, here.start, *here.inner]
