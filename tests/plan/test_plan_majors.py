"""Majors side by side, plans that a later major serves, and numbers that mean something."""

import pytest

from remit.canonical import JSON, JSONObject
from remit.diagnostic import InvalidDocumentError
from remit.plan.compiler import Compilation, compile_plan
from remit.plan.library import Library
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from tests.plan.compiling import plan
from tests.tool.contracts import contract, reading

NO_PLACE: JSONObject = {"method": "POST", "url": "https://shop.example/things", "body": "*"}


def closed(**members: JSON) -> JSONObject:
    """Return the schema of an object that has exactly these members, all required."""
    return {
        "type": "object",
        "properties": members,
        "required": sorted(members),
        "additionalProperties": False,
    }


TEXT: JSONObject = {"type": "string"}
OLD = contract(input_schema=closed(first=TEXT, last=TEXT), call=NO_PLACE)
NEW = contract(
    version="2.0.0",
    input_schema={**closed(name=TEXT, person=closed(last=TEXT), note=TEXT), "required": ["name"]},
    call=NO_PLACE,
    upcast={
        "major": 1,
        "args": {
            "name": "${args.first} ${args.last}",
            "person": {"last": "${args.last}"},
            "note": "${args.note}",
        },
    },
)


def chain(*steps: JSONObject, **fields: JSON) -> JSONObject:
    """Return a plan with these steps, each after the one before it."""
    made: list[JSONObject] = []
    for at, step in enumerate(steps):
        made.append({"id": f"s{at}", "needs": [f"s{at - 1}"] if at else [], **step})
    return plan(*made, **fields)


def compiled(document: JSONObject, *contracts: ToolContract) -> Compilation:
    """Compile a plan against a catalogue of these contracts."""
    return compile_plan(document, Catalogue.of(contracts), Library({}))


def codes(compilation: Compilation) -> list[str]:
    """Return the codes of its errors."""
    return [each.code for each in compilation.diagnostics]


WRITTEN: JSONObject = {
    "tool": "shop.make@1",
    "args": {"first": "Ada", "last": "${inputs.name}"},
}


def test_two_majors_stand_side_by_side() -> None:
    """Each step pins its own; the old one goes on as if the new one were not there."""
    other: JSONObject = {"tool": "shop.make@2", "args": {"name": "Ada"}}
    document = chain(WRITTEN, other, inputs={"name": "L"})
    both = compiled(document, OLD, NEW)

    assert both.compiled is not None
    pins = [step.call.contract for step in both.compiled.steps if step.call is not None]
    assert pins == [OLD.digest, NEW.digest]
    alone = compiled(chain(WRITTEN, inputs={"name": "L"}), OLD)
    beside = compiled(chain(WRITTEN, inputs={"name": "L"}), OLD, NEW)
    assert alone.digest == beside.digest
    assert not beside.warnings


def test_a_later_major_serves_a_plan() -> None:
    """What is compiled is the new tool's call: its name, its pin, arguments as it takes them."""
    served = compiled(chain(WRITTEN, inputs={"name": "L"}), NEW)

    assert served.compiled is not None
    (step,) = served.compiled.steps
    assert step.call is not None
    assert (step.call.tool, step.call.contract) == ("shop.make@2", NEW.digest)
    assert step.call.args == {
        "name": "Ada ${inputs.name}",
        "person": {"last": "${inputs.name}"},
    }
    assert [each.code for each in served.warnings] == ["PLAN-OLD-MAJOR"]
    assert list(served.contracts) == [NEW.digest]
    again = compiled(chain(WRITTEN, inputs={"name": "L"}), *served.contracts.values())
    assert again.digest == served.digest  # as whoever verifies evidence compiles it


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"tool": "shop.make@1", "args": {"first": "Ada"}}, "PLAN-UPCAST"),
        ({"tool": "shop.make@1", "args": {"first": ["Ada"], "last": "L"}}, "PLAN-UPCAST"),
        ({"tool": "shop.make@1", "args": {"first": "A", "last": 5}}, "PLAN-ARGUMENT-TYPE"),
        (
            {
                **WRITTEN,
                "compensate": {"tool": "shop.make@2", "args": {"name": "${args.first}"}},
            },
            "PLAN-UPCAST",
        ),
        ({"tool": "shop.make@3", "args": {}}, "PLAN-UNKNOWN-TOOL"),
    ],
)
def test_what_cannot_be_served_is_refused(step: JSONObject, code: str) -> None:
    """Nothing is guessed: the step has to be written for the new major."""
    assert code in codes(compiled(chain(step, inputs={"name": "L"}), NEW))


def test_an_output_is_read_as_the_new_major_has_it() -> None:
    """It is not cast: what the plan reads must be there."""
    reads: JSONObject = {**WRITTEN, "args": {"first": "${steps.s0.output.gone}", "last": "L"}}

    assert "PLAN-REFERENCE-FIELD" in codes(
        compiled(chain(WRITTEN, reads, inputs={"name": "L"}), NEW)
    )


def test_an_upcast_is_of_an_earlier_major() -> None:
    """And speaks of arguments alone."""
    for cast in ({"major": 2}, {"major": 1, "args": {"id": "${output.id}"}}):
        with pytest.raises(InvalidDocumentError) as error:
            Catalogue.of([contract(version="2.0.0", upcast=cast)])
        assert {each.code for each in error.value.diagnostics} <= {"TOOL-UPCAST", "TOOL-TEMPLATE"}


def pair(gives: JSONObject, takes: JSONObject, **beside: JSON) -> Compilation:
    """Compile a plan that hands a number from one tool to another."""
    url: JSONObject = {"method": "GET", "url": "https://shop.example/things"}
    producer = reading("shop.get", input_schema=closed(), output_schema=closed(n=gives), call=url)
    schema = closed(n=takes, **dict.fromkeys(beside, TEXT))
    consumer = contract(input_schema=schema, call=NO_PLACE)
    args: JSONObject = {"n": "${steps.s0.output.n}", **beside}
    steps: list[JSONObject] = [{"tool": "shop.get@1"}, {"tool": "shop.make@1", "args": args}]
    return compiled(chain(*steps, inputs={"currency": "EUR"}), producer, consumer)


def number(**words: JSON) -> JSONObject:
    """Return the schema of an integer; `_` in words is `-`."""
    return {"type": "integer", **{name.replace("_", "-"): value for name, value in words.items()}}


@pytest.mark.parametrize(
    ("gives", "takes", "code"),
    [
        (number(x_unit="minutes"), number(x_unit="seconds"), "PLAN-ARGUMENT-UNIT"),
        (number(x_currency="USD"), number(x_currency="EUR"), "PLAN-ARGUMENT-CURRENCY"),
        (number(maximum=-1), number(minimum=0), "PLAN-ARGUMENT-RANGE"),
        (number(minimum=11), number(maximum=10), "PLAN-ARGUMENT-RANGE"),
    ],
)
def test_numbers_of_one_type_may_mean_different_things(
    gives: JSONObject, takes: JSONObject, code: str
) -> None:
    """Types match, meanings do not: the plan is refused at the argument."""
    (found,) = pair(gives, takes).diagnostics

    assert (found.code, found.path) == (code, "/steps/1/args/n")


@pytest.mark.parametrize(
    ("gives", "takes"),
    [
        (number(x_unit="seconds"), number(x_unit="seconds")),
        (number(), number(x_unit="seconds", minimum=0)),
        (number(x_currency="EUR"), number()),
        (number(minimum=0, maximum=5), number(minimum=0)),
    ],
)
def test_what_may_mean_the_same_goes_through(gives: JSONObject, takes: JSONObject) -> None:
    """What says nothing is not held against anybody."""
    assert pair(gives, takes).diagnostics == ()
    assert pair(gives, takes).warnings == ()


def test_wider_bounds_are_a_warning() -> None:
    """At run time the schema decides."""
    found = pair(number(minimum=-5), number(minimum=0))

    assert found.diagnostics == ()
    assert [each.code for each in found.warnings] == ["PLAN-MAY-BE-OUT-OF-RANGE"]


@pytest.mark.parametrize("currency", ["EUR", "${inputs.currency}"])
def test_the_argument_beside_an_amount_says_its_currency(currency: str) -> None:
    """Written out or known from the inputs, it is held against where the amount comes from."""
    takes = number(x_currency="currency")

    wrong = pair(number(x_currency="USD"), takes, currency=currency)
    assert codes(wrong) == ["PLAN-ARGUMENT-CURRENCY"]
    assert pair(number(x_currency="EUR"), takes, currency=currency).diagnostics == ()


@pytest.mark.parametrize(
    "words", [{"x_unit": ""}, {"x_unit": 5}, {"x_currency": "euro"}, {"x_currency": ["EUR"]}]
)
def test_a_meaning_says_something(words: JSONObject) -> None:
    """A unit is a text, a currency a code or a member of the same object."""
    with pytest.raises(InvalidDocumentError) as error:
        Catalogue.of([reading(output_schema=closed(id=TEXT, n=number(**words)))])

    assert {each.code for each in error.value.diagnostics} == {"TOOL-SEMANTICS"}
