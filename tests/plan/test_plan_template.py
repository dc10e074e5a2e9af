"""Templates: references keep types, interpolate scalars, and never evaluate anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import JSON
from remit.plan.template import (
    Reference,
    ReferenceAbsentError,
    ReferenceSyntaxError,
    ReferenceTextError,
    literal,
    references,
    resolve,
    resolve_outputs,
)

SCOPE: dict[str, JSON] = {
    "inputs": {"n": 5, "x": 2.0, "yes": True, "none": None, "list": [{"a": "b"}], "odd name": "o"},
    "steps": {"quote": {"output": {"id": "q-1", "total": 12}}},
    "person": {"email": "a@acme.example"},
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("${inputs.n}", 5),
        ("${inputs.list}", [{"a": "b"}]),
        ("${inputs.list[0].a}", "b"),
        ('${inputs["odd name"]}', "o"),
        ("${ inputs.n }", 5),
        ("${inputs.none}", None),
        ("${inputs.x}", 2.0),
        ("n is ${inputs.n}, x ${inputs.x}, ${inputs.yes}", "n is 5, x 2, true"),
        ("${person.email}, ${steps.quote.output.id}", "a@acme.example, q-1"),
        ("$${inputs.n}", "${inputs.n}"),
        ("$$${inputs.n}", "$${inputs.n}"),
        ("a $ b {c} ${inputs.n}", "a $ b {c} 5"),
        ("", ""),
        ({"a": ["${inputs.n}", 1]}, {"a": [5, 1]}),
        ([None, True, 1.5], [None, True, 1.5]),
    ],
)
def test_a_template_is_filled(template: JSON, value: JSON) -> None:
    """A whole reference keeps its type; inside a text, scalars are written as JSON writes them."""
    assert resolve(template, SCOPE) == value


@pytest.mark.parametrize(
    "template",
    [
        "${inputs.m}",
        "${inputs.list[1]}",
        "${inputs.n.x}",
        "${output.id}",
        "${steps.b.output}",
        "x${inputs.m}",
    ],
)
def test_what_leads_nowhere_says_its_code_and_path(template: str) -> None:
    """An absent value is never a guess, and the error can be shown as it is."""
    with pytest.raises(ReferenceAbsentError) as caught:
        resolve(template, SCOPE)

    assert caught.value.code == "REFERENCE-ABSENT"
    assert caught.value.path in template


@pytest.mark.parametrize("template", ["x${inputs.list}", "x${inputs}", "x${inputs.none}"])
def test_a_text_takes_in_scalars_only(template: str) -> None:
    """Objects, lists and null have no place in a text."""
    with pytest.raises(ReferenceTextError):
        resolve(template, SCOPE)


@pytest.mark.parametrize(
    "template",
    [
        "${inputs.a + 1}",
        "${inputs.a",
        "${}",
        "${inputs.}",
        "${1}",
        "${inputs[-1]}",
        "${a[${b}]}",
        "${f()}",
    ],
)
def test_only_references_stand_in_a_template(template: str) -> None:
    """Everything else is a syntax error, found when references are read."""
    with pytest.raises(ReferenceSyntaxError):
        references(template)


def test_references_are_found_everywhere_in_order() -> None:
    """Objects, lists and texts are searched; escapes are none."""
    found = references({"a": "${x.y}", "b": ["${steps.s.output[0].z} $${no}", 1]})

    assert [str(reference) for reference in found] == ["x.y", "steps.s.output[0].z"]
    assert [reference.step for reference in found] == [None, "s"]
    assert Reference("a", ("odd name",)).__str__() == 'a["odd name"]'


def test_outputs_of_skipped_steps_read_as_null() -> None:
    """A finished plan's outputs are always there, whatever was skipped."""
    outputs: dict[str, JSON] = {
        "id": "${steps.no.output.id}",
        "all": ["${inputs.n}", "no ${steps.no.output.id}"],
    }

    assert resolve_outputs(outputs, SCOPE) == {"id": None, "all": [5, None]}


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text()
    | st.text("${}x.[]"),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(_JSON)
def test_a_literal_template_stands_for_its_value(value: JSON) -> None:
    """Whatever a value holds, its literal form resolves to it and refers to nothing."""
    assert resolve(literal(value), {}) == value
    assert references(literal(value)) == []


@given(st.text('${}ab.[]0 "', max_size=30))
def test_no_text_makes_a_template_crash(text: str) -> None:
    """Any text is either filled or refused."""
    try:
        resolve(text, SCOPE)
    except (ReferenceSyntaxError, ReferenceAbsentError, ReferenceTextError):
        return
