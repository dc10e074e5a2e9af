"""Whether a contract may take an earlier one's place: what breaks is named, with its place."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.canonical import JSON, JSONObject
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.plan.shape import of_schema
from remit.plan.succession import breaking, breaks, by_ref
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from remit.tool.validation import check
from tests.plan.compiling import plan
from tests.tool.contracts import THING, contract, reading

NEXT = "1.1.0"


def thing(**changes: JSON) -> JSONObject:
    """Return the usual schema with members laid over its properties; `None` drops one."""
    held = THING["properties"]
    assert isinstance(held, dict)
    properties: JSONObject = {name: v for name, v in (held | changes).items() if v is not None}
    return {**THING, "properties": properties}


def codes(old: ToolContract, new: ToolContract) -> list[tuple[str, str]]:
    """Return what `new` breaks: code and place, without the tool's name."""
    return [(each.code, each.path.partition("@1")[2]) for each in breaks(old, new)]


@pytest.mark.parametrize(
    ("changes", "code", "place"),
    [
        (
            {"quality": {"unique": ["/micros"], "on_miss": "without"}},
            "CONTRACT-CHANGED",
            "/quality/on_miss",
        ),
        (
            {"output_schema": {**THING, "required": []}},
            "CONTRACT-ANSWER",
            "/output_schema/required",
        ),
        (
            {"output_schema": thing(micros=None)},
            "CONTRACT-ANSWER",
            "/output_schema/properties/micros",
        ),
        (
            {"input_schema": thing(micros={"type": "integer", "minimum": 0})},
            "CONTRACT-ARGUMENTS",
            "/input_schema/properties/micros/minimum",
        ),
        (
            {"input_schema": {**THING, "required": ["id", "micros"]}},
            "CONTRACT-ARGUMENTS",
            "/input_schema/required",
        ),
        (
            {"input_schema": thing(micros={"type": "integer", "x-currency": "EUR"})},
            "CONTRACT-ARGUMENTS",
            "/input_schema/properties/micros/x-currency",
        ),
        ({"operation": "delete"}, "CONTRACT-WIDENED", "/operation"),
        ({"destinations": ["shop.example", "b.example"]}, "CONTRACT-WIDENED", "/destinations"),
        ({"private": ["shop.example"]}, "CONTRACT-WIDENED", "/private"),
        ({"data_classes": ["personal"]}, "CONTRACT-WIDENED", "/data_classes"),
        ({"idempotency": "natural"}, "CONTRACT-IDEMPOTENCY", "/idempotency"),
        ({"irreversible": False}, "CONTRACT-UNDO", "/irreversible"),
        ({"region": "us"}, "CONTRACT-CHANGED", "/region"),
        ({"domain": "store"}, "CONTRACT-CHANGED", "/domain"),
        (
            {"cost": {"estimate": {"micros": 5, "currency": "EUR"}}},
            "CONTRACT-COST",
            "/cost",
        ),
        ({"version": "1.0.0", "timeout_s": 9}, "CONTRACT-VERSION", "/version"),
    ],
)
def test_what_breaks_is_named(changes: JSONObject, code: str, place: str) -> None:
    """One change, one finding, at its place."""
    assert codes(contract(), contract(**{"version": NEXT} | changes)) == [(code, place)]


@pytest.mark.parametrize(
    "changes",
    [
        {"input_schema": thing(note={"type": "string"})},
        {"input_schema": thing(micros={"type": ["integer", "null"]})},
        {"output_schema": {**THING, "required": ["id", "micros"]}},
        {"timeout_s": 5, "description": "Another word.", "owner": "team:other"},
        {"destinations": ["shop.example"], "call": {"url": "https://shop.example/v2/things/{id}"}},
    ],
)
def test_what_does_not_break_is_not(changes: JSONObject) -> None:
    """More may be taken, more may be promised, and how it is called is the owner's business."""
    assert codes(contract(), contract(**{"version": NEXT} | changes)) == []


def test_an_answer_of_which_nothing_was_known_may_not_become_one() -> None:
    """Plans could ask it for any name; now for some."""
    for before in ({}, {"type": "object"}, {"type": "object", "additionalProperties": True}):
        found = codes(contract(output_schema=before), contract(version=NEXT))
        assert [code for code, _ in found] == ["CONTRACT-ANSWER"]


def test_the_mode_is_the_one_declared_before() -> None:
    """`forward` looks the other way, `full` both, `none` at risks alone; a change is no way out."""
    wider = {"version": NEXT, "input_schema": thing(note={"type": "string"})}

    assert codes(contract(compatibility="forward"), contract(**wider)) == [
        ("CONTRACT-ARGUMENTS", "/input_schema/properties/note")
    ]
    assert codes(contract(compatibility="full"), contract(**wider))
    assert codes(contract(compatibility="none"), contract(**wider)) == []
    narrower = {"version": NEXT, "input_schema": thing(micros=None), "compatibility": "none"}
    assert codes(contract(), contract(**narrower))
    risky = {"version": NEXT, "operation": "delete"}
    assert codes(contract(compatibility="none"), contract(**risky))


def test_a_contract_may_go_only_when_another_serves_its_plans() -> None:
    """A new major stands beside the old one, or takes its plans over."""
    old, new = contract(), contract(version="2.0.0", operation="delete")
    serving = contract(version="2.0.0", upcast={"major": 1, "args": {"id": "${args.id}"}})

    assert breaking(by_ref([old]), by_ref([old, new])) == []
    assert [each.code for each in breaking(by_ref([old]), by_ref([new]))] == ["CONTRACT-REMOVED"]
    assert breaking(by_ref([old]), by_ref([serving])) == []
    less = contract(version="2.0.0", output_schema=thing(id=None), upcast={"major": 1})
    assert [each.code for each in breaking(by_ref([old]), by_ref([less]))] == ["CONTRACT-ANSWER"]


SCALARS = st.sampled_from(["string", "integer", "number", "null", ["string", "null"]])
MEMBERS = st.fixed_dictionaries(
    {"type": SCALARS}, optional={"enum": st.just(["a", None, 1]), "minimum": st.integers(0, 1)}
)
OBJECTS = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("abc"), MEMBERS)},
    optional={
        "required": st.lists(st.sampled_from("abc"), unique=True),
        "additionalProperties": st.booleans(),
    },
)
VALUES = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["a", None, 0, 1, 0.5]))


@st.composite
def changed(draw: st.DrawFn) -> tuple[ToolContract, ToolContract]:
    """Return a contract and a later one that mostly differs in little."""
    schemas: list[JSONObject] = []
    for _ in range(2):
        one, other = draw(OBJECTS), draw(OBJECTS)
        members = {**one["properties"], **other["properties"]}
        mixed = {**one, "properties": members}
        schemas += [one, draw(st.sampled_from([one, other, mixed]))]
    old = reading(input_schema=schemas[0], output_schema=schemas[3], call=_CALL)
    new = reading(version=NEXT, input_schema=schemas[1], output_schema=schemas[2], call=_CALL)
    return old, new


_CALL: JSONObject = {"method": "GET", "url": "https://shop.example/things"}


def using(old: ToolContract, arguments: JSONObject) -> JSONObject:
    """Return a plan that gives `arguments` and reads every member that `old` may have."""
    shape = of_schema(old.output_schema)
    members = [name for name in "abc" if shape.member(name) is not None]
    outputs: JSONObject = {name: f"${{steps.one.output.{name}}}" for name in members}
    return plan({"id": "one", "tool": old.ref, "args": arguments}, outputs=outputs)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(changed(), st.lists(VALUES, min_size=3, max_size=6))
def test_what_is_called_compatible_is(
    pair: tuple[ToolContract, ToolContract], values: list[JSONObject]
) -> None:
    """No value and no plan refutes an answer without findings."""
    old, new = pair
    if breaks(old, new):
        return
    before, after = Catalogue.of([old]), Catalogue.of([new])
    for value in values:
        if not check(old.input_schema, value, "X"):
            assert not check(new.input_schema, value, "X")
        if not check(new.output_schema, value, "X"):
            assert not check(old.output_schema, value, "X")
        document = using(old, value)
        if compile_plan(document, before, Library({})).compiled is not None:
            assert compile_plan(document, after, Library({})).diagnostics == ()


def test_the_plan_of_the_property_compiles() -> None:
    """Otherwise nothing would be shown by it."""
    old = reading(input_schema=thing(), output_schema=thing(), call=_CALL)

    made = compile_plan(using(old, {"id": "a", "micros": 1}), Catalogue.of([old]), Library({}))
    assert made.diagnostics == ()
