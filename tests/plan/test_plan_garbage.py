"""Whatever is given: diagnostics or a compiled plan, never an exception, and never for ever."""

import copy
import time
from collections.abc import Callable
from types import EllipsisType
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.canonical import JSON, JSONObject
from remit.plan.codes import Code
from remit.plan.compiler import Compilation
from remit.plan.scheduling import schedule_of
from remit.plan.template import enter
from remit.plan.usage import Purpose, outputs_used, steps_used
from tests.effort import examples
from tests.plan.compiling import PURCHASE, compiled, part, plan

KNOWN = {str(code) for code in Code}
RELAXED = settings(
    max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow], deadline=None
)

_TEXTS = """
x PT1S a.b@1 part@1.0.0 all ${ ${inputs.x} ${steps.a.output} ${output} inputs.n>1 remit.plan/v1
"""
_SCALARS = st.sampled_from(
    [None, True, 0, -1, 2**60, 1.5, float("nan"), "", "\ud800", "é", *_TEXTS.split()]
)
_FIELDS = """
schema name version goal agent on_behalf_of tenant owner inputs inputs_schema constraints steps
outputs id tool plan needs join when require ensure args for_each items as repeat until compensate
irreversible retry timeout on_denied on_failed approval type properties $ref x
"""
_KEYS = st.sampled_from(_FIELDS.split())
_GARBAGE = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=6),
    max_leaves=25,
)


def sound(made: Compilation) -> None:
    """Check that a compilation is one thing or the other, and can be used."""
    assert (made.compiled is None) == bool(made.diagnostics)
    assert {found.code for found in (*made.diagnostics, *made.warnings)} <= KNOWN
    assert len(made.diagnostics) <= 200
    if made.compiled is None:
        return
    schedule_of(made.compiled, made.contracts, made.digest)
    assert outputs_used(made.compiled) <= {step.id for step in made.compiled.steps}
    for step in made.compiled.steps:
        for what in get_args(Purpose):
            assert step.id not in steps_used(step, what)


@RELAXED
@given(_GARBAGE)
def test_any_json_gives_diagnostics(document: JSON) -> None:
    """Nothing that can be sent makes the compiler crash."""
    sound(compiled(document, PURCHASE, part()))


@RELAXED
@given(st.dictionaries(_KEYS, _GARBAGE, max_size=8))
def test_garbage_in_the_place_of_a_step_gives_diagnostics(step: JSONObject) -> None:
    """A plan around the garbage makes the later checks see it."""
    sound(compiled(plan({**step, "id": "a", "tool": "crm.get_contact@1"}, inputs={"n": 1}), part()))


@RELAXED
@given(_GARBAGE)
def test_garbage_as_a_schema_gives_diagnostics(schema: JSON) -> None:
    """Schemas come from agents too."""
    step: JSONObject = {"id": "a", "tool": "crm.get_contact@1", "args": {"id": "${inputs.x}"}}
    sound(compiled(plan(step, inputs={"x": "a"}, inputs_schema=schema)))


def _places(value: JSON, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    if isinstance(value, dict):
        for name, inner in value.items():
            found += _places(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            found += _places(inner, (*path, at))
    return found


_PLACES = _places(PURCHASE)[1:]


@RELAXED
@given(st.sampled_from(_PLACES), _GARBAGE | st.just(...), st.booleans())
def test_a_mutated_plan_gives_diagnostics(
    place: tuple[str | int, ...], value: JSON | EllipsisType, add: bool
) -> None:
    """Replacing, adding or removing any one thing of a good plan is compiled or explained."""
    document = copy.deepcopy(PURCHASE)
    owner: JSON = document
    for name in place[:-1]:
        owner = enter(owner, name)
    assert isinstance(owner, dict | list)
    if value is ...:
        del owner[place[-1]]
    elif add and isinstance(owner, dict):
        owner["when"] = value
    else:
        owner[place[-1]] = value
    sound(compiled(document))


def _steps(count: int, more: Callable[[int], JSONObject]) -> list[JSONObject]:
    step: JSONObject = {"tool": "crm.get_contact@1", "args": {"id": "c"}}
    return [{**step, "id": f"s{n}", **more(n)} for n in range(count)]


def _chain(n: int) -> JSONObject:
    return {"needs": [f"s{n - 1}"] if n else []}


def _fan(n: int) -> JSONObject:
    return {"needs": [f"s{m}" for m in range(4999)] if n == 4999 else []}


def _choice(n: int) -> JSONObject:
    return {"needs": [f"s{m}" for m in range(max(0, n - 3), n)], "join": "any" if n else "all"}


def _fallback(n: int) -> JSONObject:
    return {"on_failed": f"s{n + 1}"} if n < 3999 else {}


def _undeclared(n: int) -> JSONObject:
    return {"args": {"id": f"${{steps.s{n + 1}.output.id}}"}}


def _choices() -> JSONObject:
    return {"type": "object", "anyOf": [_bomb(), _bomb()], "$defs": _bomb()["$defs"]}


def _rows() -> JSON:
    return [{"a": n, "b": [n]} for n in range(20_000)]


def _kinds(n: int) -> JSONObject:
    loop: JSON = {"items": [{f"f{n}": 1}], "as": "row"}
    return {"for_each": loop, "when": f"row.f{n} > 0"}


LARGE: dict[str, Callable[[], JSON]] = {
    "a chain": lambda: plan(*_steps(5000, _chain)),
    "a cycle": lambda: plan(*_steps(5000, lambda n: {"needs": [f"s{n - 1 if n else 4999}"]})),
    "a fan": lambda: plan(*_steps(5000, _fan)),
    "fallbacks": lambda: plan(*_steps(4000, _fallback)),
    "any": lambda: plan(*_steps(3000, _choice)),
    "unknown": lambda: plan(*_steps(5000, lambda n: {"needs": [f"t{n}"], "tool": f"a.x{n}@1"})),
    "undeclared": lambda: plan(*_steps(3000, _undeclared)),
    "conditions": lambda: plan(*_steps(1000, lambda n: {"when": f"inputs.n > {n} &&"})),
    "kinds of loops": lambda: plan(*_steps(3000, _kinds)),
    "literals": lambda: plan(*_steps(1, lambda _: {"args": {"id": _rows()}})),
    "a schema": lambda: plan(*_steps(1, lambda _: {}), inputs_schema=_bomb()),
    "a schema of choices": lambda: plan(*_steps(1, lambda _: {}), inputs_schema=_choices()),
    "items": lambda: plan(*_steps(1, lambda _: {}), inputs={"rows": _rows()}),
}


def _bomb() -> JSONObject:
    """Return a small schema that stands for a tree of a billion objects."""
    levels: JSONObject = {
        f"l{n}": {
            "type": "object",
            "properties": {name: {"$ref": f"#/$defs/l{n + 1}"} for name in "abcdefgh"},
        }
        for n in range(10)
    }
    levels["l10"] = {"type": "string"}
    return {"type": "object", "properties": {"x": {"$ref": "#/$defs/l0"}}, "$defs": levels}


@pytest.mark.parametrize("name", LARGE)
def test_large_plans_take_no_more_than_seconds(name: str) -> None:
    """Nothing an agent can write within the limits keeps admission busy for long."""
    document = LARGE[name]()
    begun = time.process_time()
    made = compiled(document)

    sound(made)
    assert time.process_time() - begun < 8
