"""CEL, the language of `when`, `require`, `ensure` and `until`: checking it, evaluating it.

Two environments. *Checking* knows the plan's types, so a wrong name or type is found before the
run. *Evaluating* knows none and works on plain JSON, on the activity side only: the order of maps
differs between processes, which workflow code could not survive. There is no clock and no chance
in either, and an iteration budget bounds what any expression can cost.

Not taken: `celpy` (a hundred times slower, no types) and the Rust engines (no budget, no types).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from remit.canonical import JSON
from remit.plan.guards import Reading, readings
from remit.plan.syntax import Tree

MAX_LENGTH = 2000
"""Longest expression, in characters."""
_FAULTS = (RuntimeError, ValueError, TypeError, ArithmeticError, LookupError)
"""What the engine raises: its own errors, and those of converting values."""


class ExpressionError(Exception):
    """An expression could not be evaluated to true or false; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class _Program:
    run: Any
    """The engine's compiled expression."""
    steps: frozenset[str]
    """Steps whose outputs it speaks of."""


def evaluate(source: str, scope: Mapping[str, JSON]) -> bool:
    """Return what `source` says in `scope`.

    A step that is absent from `scope["steps"]`, or has no `output` there, was skipped.

    Raises:
        ExpressionError: `EXPRESSION-INVALID` (cannot be read), `EXPRESSION-ABSENT` (reads what is
            not there), `EXPRESSION-BUDGET` (takes too long), `EXPRESSION-FAILED` (any other error),
            `EXPRESSION-NOT-BOOL` (is neither true nor false).
    """
    program = _program(source)
    data = dict(scope)
    if program.steps:
        given = data.get("steps")
        steps: dict[str, JSON] = {step: {} for step in sorted(program.steps)}
        data["steps"] = {**steps, **(given if isinstance(given, dict) else {})}
    try:
        found = program.run.eval(data=data)
        kind = found.type()
        if kind == cel.Type.BOOL:
            return bool(found.value())
        said = str(found.value()) if kind == cel.Type.ERROR else ""
    except _FAULTS as error:
        said = str(error)
    if not said:
        message = f"{source!r} gives {kind.name()}, neither true nor false"
        raise ExpressionError("EXPRESSION-NOT-BOOL", message)
    raise ExpressionError(_code(said), f"{source!r} cannot be evaluated: {said[:300]}")


def reads(source: str) -> frozenset[str]:
    """Return the ids of the steps whose outputs `source` speaks of.

    Raises:
        ExpressionError: `EXPRESSION-INVALID`.
    """
    return _program(source).steps


def _code(said: str) -> str:
    if "budget" in said:
        return "EXPRESSION-BUDGET"
    if "NOT_FOUND" in said or "No value with name" in said:
        return "EXPRESSION-ABSENT"
    return "EXPRESSION-FAILED"


@lru_cache(maxsize=1)
def _plain_environment() -> Any:
    return cel.NewEnv(variables={})


@lru_cache(maxsize=1024)
def _program(source: str) -> _Program:
    if len(source) > MAX_LENGTH:
        message = f"the expression has {len(source)} characters; at most {MAX_LENGTH} are read"
        raise ExpressionError("EXPRESSION-INVALID", message)
    try:
        # Unchecked: the names and types were checked when the plan was compiled, and JSON has none.
        run = _plain_environment().compile(source, disable_check=True)
        found = steps_read(readings(Tree(run.serialize()).root))
    except _FAULTS as error:
        message = f"{source[:200]!r} is no expression: {str(error)[:300]}"
        raise ExpressionError("EXPRESSION-INVALID", message) from error
    return _Program(run, found)


def steps_read(found: list[Reading]) -> frozenset[str]:
    """Return the steps that readings speak of."""
    return frozenset(
        str(reading.way[0]) for reading in found if reading.root == "steps" and reading.way
    )
