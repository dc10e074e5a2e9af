"""Every fact of the model is required by the policies: absent, null or corrupt is a deny.

The cases are generated from the model, not from what the policies were generated from, so a fact
that the generator forgets is found here.
"""

import copy
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from remit.canonical import JSON, JSONObject
from remit.decision import facts
from remit.decision.decision import Decision
from tests.policies import given
from tests.policies.served import Served

pytestmark = pytest.mark.opa

KINDS = {
    "call": given.gated_by_plan().model_copy(update={"grants": [given.GRANT]}),
    "admission": given.admission(),
    "system": given.system(),
    "vote": given.vote(),
    "order": given.order(),
    "promotion": given.promotion(),
    "proposal": given.proposal(),
}
_ABSENT = object()
_ODD: tuple[JSON, ...] = ("odd", -1, 0.5, True, [7], {"odd": 1})


@dataclass(frozen=True)
class Damage:
    """One fact that is not what the model says."""

    path: tuple[str | int, ...]
    value: object

    def applied(self, document: JSONObject) -> JSONObject:
        """Return a damaged copy."""
        damaged = copy.deepcopy(document)
        place: typing.Any = damaged
        for part in self.path[:-1]:
            place = place[part]
        if self.value is _ABSENT:
            del place[self.path[-1]]
        else:
            place[self.path[-1]] = self.value
        return damaged


def damages(
    model: type[BaseModel], document: JSONObject, at: tuple[str | int, ...] = ()
) -> Iterator[Damage]:
    """Yield every way to damage a fact of `document`, which is a dumped `model`."""
    for name, field in model.model_fields.items():
        value, path = document[name], (*at, name)
        yield Damage(path, _ABSENT)
        forms = _forms(field.annotation)
        if types.NoneType not in forms:
            yield Damage(path, None)
        for odd in _ODD:
            if not any(_is(odd, form) for form in forms):
                yield Damage(path, odd)
        yield from _inside(forms, value, path)


def _inside(forms: list[object], value: JSON, path: tuple[str | int, ...]) -> Iterator[Damage]:
    for form in forms:
        inner = typing.get_args(form)[0] if typing.get_origin(form) is list else form
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            continue
        if isinstance(value, dict):
            yield from damages(inner, value, path)
        for number, item in enumerate(value if isinstance(value, list) else []):
            if isinstance(item, dict):
                yield from damages(inner, item, (*path, number))


def _forms(annotation: object) -> list[object]:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return [form for arm in typing.get_args(annotation) for form in _forms(arm)]
    if origin is typing.Annotated:
        return _forms(typing.get_args(annotation)[0])
    return [annotation]


def _is(value: JSON, form: object) -> bool:
    """Whether `value` is of the form, as JSON; whole numbers are never negative in the facts."""
    origin = typing.get_origin(form)
    if origin is typing.Literal:
        return value in typing.get_args(form) and not isinstance(value, bool)
    if origin is list:
        item = typing.get_args(form)[0]
        return isinstance(value, list) and all(_is(one, item) for one in value)
    if origin is dict:
        return isinstance(value, dict)
    if form is bool or isinstance(value, bool):
        return form is bool and isinstance(value, bool)
    if form is float:
        return isinstance(value, int | float)
    if form is int:
        return isinstance(value, int) and value >= 0
    return isinstance(form, type) and isinstance(value, form)


def whole(policies: Served, kind: str) -> JSONObject:
    """Return undamaged facts; a candidate is compared with what is served."""
    facts_of_kind = KINDS[kind]
    if facts_of_kind.promotion is not None:
        promotion = facts_of_kind.promotion.model_copy(update={"base": policies.revision})
        facts_of_kind = facts_of_kind.model_copy(update={"promotion": promotion})
    return given.document(facts_of_kind)


@pytest.mark.parametrize("kind", KINDS)
def test_facts_are_judged_on_their_merits_while_they_are_whole(policies: Served, kind: str) -> None:
    """Undamaged, each set of facts is well formed: no reason speaks of the input."""
    decision = Decision.model_validate(policies.ask(whole(policies, kind)))

    assert decision.effect in ("allow", "require_approval")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_fact_is_a_deny(policies: Served, kind: str) -> None:
    """Whichever fact is absent, null or of another form, the decision is a deny that says so."""
    document = whole(policies, kind)
    needed = {*facts.REQUIRED[KINDS[kind].kind], "context", "schema_version", "kind", "grants"}
    cases = [d for d in damages(facts.Facts, document) if d.path[0] in needed]
    passed = []
    for case in cases:
        answer = policies.ask(case.applied(document))
        reasons = {reason.code for reason in Decision.model_validate(answer).reasons}
        if answer["effect"] != "deny" or not any(code.startswith("input.") for code in reasons):
            passed.append((case, answer["effect"]))

    assert len(cases) > 25
    assert passed == []


def test_a_kind_does_not_carry_the_parts_of_another(policies: Served) -> None:
    """A call that also looks like a vote is neither."""
    document = given.document(given.call()) | {"vote": given.document(given.vote())["vote"]}

    assert policies.ask(document)["effect"] == "deny"


@pytest.mark.parametrize("odd", [{}, None, [], "x", 7, {"kind": "call"}, {"input": {}}])
def test_anything_else_is_a_deny(policies: Served, odd: JSON) -> None:
    """The decision is defined for every input, and is a deny."""
    assert Decision.model_validate(policies.ask(odd)).effect == "deny"
