"""Classes of data that a plan declares of its own inputs, and where they flow."""

import pytest

from remit.canonical import JSON, JSONObject
from remit.plan.compiler import compile_plan
from remit.plan.declared import KEYWORD, Declared
from remit.plan.flow import Entry, PlanFlow
from remit.plan.library import Library
from tests.plan.compiling import plan
from tests.plan.flowing import CATALOGUE, call, flow, output, sub_plan

TEXT: JSONObject = {"type": "string"}


def classed(*classes: str, **schema: JSON) -> JSONObject:
    """Return a schema of a text, or of what `schema` says, that declares classes."""
    return {**(schema or TEXT), KEYWORD: list(classes)}


def members(**schemas: JSON) -> JSONObject:
    """Return the schema of an object with these members and no others."""
    closed: JSONObject = {"additionalProperties": False, "required": list(schemas)}
    return {"type": "object", "properties": dict(schemas), **closed}


def inflow(found: PlanFlow) -> dict[str, list[str]]:
    """Return the classes that flow into each step into which any does."""
    return {name: [*step.inflow] for name, step in found.steps.items() if step.inflow}


def test_a_declared_class_flows_with_its_member_alone_and_through_other_steps() -> None:
    """To whoever refers to it, and to whoever refers to these; a member beside it carries none."""
    schema = members(email=classed("personal"), note=TEXT)
    found = flow(
        plan(
            call("a", "pub.read", text="to ${inputs.email}"),
            call("b", "us.store", text="${inputs.note}"),
            call("c", "us.store", "a", text=output("a")),
            inputs={"email": "x", "note": "y"},
            inputs_schema=schema,
        )
    )

    assert inflow(found) == {"a": ["personal"], "c": ["personal"]}


def test_a_loop_takes_in_what_its_items_declare() -> None:
    """The whole of an item, whichever member of it is used."""
    loop: JSONObject = {"items": "${inputs.team}", "as": "one"}
    item = members(email=classed("personal"), name=TEXT)
    found = flow(
        plan(
            call("a", "us.store", text="${one.name}", for_each=loop),
            inputs={"team": [{"email": "x", "name": "y"}]},
            inputs_schema=members(team={"type": "array", "items": item}),
        )
    )

    assert inflow(found) == {"a": ["personal"]}


def test_a_sub_plan_has_its_own_classes_and_those_that_it_is_given() -> None:
    """What it declares does not go when a caller gives it something else, and what it gives out
    carries both."""
    part = sub_plan(
        call("x", "us.store", text="${inputs.text}"),
        inputs_schema=members(text=classed("personal")),
    )
    root = plan(
        call("a", "crm.read"),
        {
            "id": "part",
            "plan": "part@1.0.0",
            "args": {"text": output("a")},
            "needs": ["a"],
        },
        call("b", "pub.read", "part", text="${steps.part.output.text}"),
    )
    found = flow(root, part)

    assert inflow(found) == {"part": ["pii"], "b": ["personal", "pii"]}
    assert inflow(flow(part)) == {"x": ["personal"]}
    assert inflow(flow(part, entry=Entry(frozenset({"pay"})))) == {"x": ["pay", "personal"]}


DEEP: JSONObject = {
    **members(
        person=classed(
            "personal",
            type="object",
            properties={"iban": classed("pay"), "name": TEXT},
            additionalProperties=False,
        ),
        rows={"type": "array", "items": classed("pii")},
        either={"anyOf": [classed("a"), {"type": "integer", KEYWORD: ["b"]}]},
        named={"type": "object", "additionalProperties": classed("open")},
        there={"$ref": "#/$defs/there"},
        plain=TEXT,
    ),
    "$defs": {"there": members(x=classed("far"))},
}
ALL = {"personal", "pay", "pii", "a", "b", "open", "far"}


@pytest.mark.parametrize(
    ("way", "classes"),
    [
        ((), ALL),
        (("person",), {"personal", "pay"}),
        (("person", "iban"), {"personal", "pay"}),
        (("person", "name"), {"personal"}),
        (("person", "other"), {"personal", "pay"}),
        (("rows", 0), {"pii"}),
        (("rows", 0, "x"), {"pii"}),
        (("either",), {"a", "b"}),
        (("either", "x"), {"a", "b"}),
        (("named", "x"), {"open"}),
        (("there", "x"), {"far"}),
        (("there", "y"), {"far"}),
        (("plain",), set()),
        (("plain", "x"), set()),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_where_a_schema_leaves_it_open_all_that_may_be_meant_counts(
    way: tuple[str | int, ...], classes: set[str]
) -> None:
    """What is around a value counts for it, and so does what is in it."""
    assert Declared(DEEP).at(way) == classes


@pytest.mark.parametrize(
    "classes",
    ["personal", [], [""], [" "], [1], ["x" * 41], ["a"] * 17, None, {"a": 1}],
    ids=["text", "empty", "no name", "blank", "number", "long", "many", "null", "object"],
)
def test_what_is_no_list_of_classes_is_a_finding_at_its_place(classes: JSON) -> None:
    """Declared wrongly, a class would be declared nowhere."""
    schema = members(a=members(b={**TEXT, KEYWORD: classes}))
    document = plan(call("a", "pub.read"), inputs={"a": {"b": "x"}}, inputs_schema=schema)
    found = compile_plan(document, CATALOGUE, Library.of([])).diagnostics

    assert [(str(one.code), one.path) for one in found] == [
        ("PLAN-INPUTS-SCHEMA", f"/inputs_schema/properties/a/properties/b/{KEYWORD}")
    ]
