"""The `@tool` decorator: contracts from functions."""

from collections.abc import Callable
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from remit.diagnostic import InvalidDocumentError
from remit.tool.binding import ArgumentsError, bind
from remit.tool.catalogue import Catalogue
from remit.tool.python import StepKeyText, contract_of, tool
from remit.tool.validation import check_input, check_output


class Line(BaseModel):
    """One line of an order."""

    item: str
    count: Annotated[int, Field(ge=1)]


@tool(
    domain="shop",
    operation="write",
    idempotency="key",
    owner="team:shop",
    version="2.1.0",
    irreversible=True,
)
def order(
    lines: list[Line],
    step_key: StepKeyText,
    schema: str | None = None,
    speed: Literal["slow", "fast"] = "slow",
) -> dict[str, int]:
    """Order lines.

    More words.
    """
    return {line.item: line.count for line in lines}


def test_the_function_stays_what_it_was() -> None:
    """A decorated function is the same function, and can be called."""
    assert order([Line(item="a", count=2)], StepKeyText("k")) == {"a": 2}
    assert order.__name__ == "order"


def test_contract_from_types_and_docstring() -> None:
    """Name, description and schemas come from the function; the step key is no argument."""
    contract = contract_of(order)

    assert contract is not None
    assert (contract.ref, contract.description) == ("shop.order@2", "Order lines.")
    assert contract.call.model_dump() == {
        "kind": "python",
        "function": f"{__name__}:order",
    }
    assert Catalogue.of([contract]).refs == ("shop.order@2",)
    assert check_input(contract, {"lines": [{"item": "a", "count": 1}], "speed": "fast"}) == []
    for wrong in ({}, {"lines": [], "step_key": "k"}, {"lines": [{"item": "a", "count": 0}]}):
        assert check_input(contract, wrong)
    assert check_output(contract, {"a": 1}) == []
    assert check_output(contract, {"a": "x"})


def test_binding_fills_in_models_and_keeps_defaults() -> None:
    """JSON arguments become what the hints say; what is absent keeps the function's default."""
    binding = bind(order)

    keywords = binding.keywords({"lines": [{"item": "a", "count": 1}]}, "k")

    assert keywords == {"lines": [Line(item="a", count=1)], "step_key": "k"}
    with pytest.raises(ArgumentsError) as raised:
        binding.keywords({"lines": [{"item": "hunter2", "count": "hunter2"}], "more": 1}, "k")
    assert "'more' is unknown" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def _untyped(value) -> int:
    """Take."""
    return int(value)


def _no_return(value: int):
    """Take."""


def _starred(*values: int) -> int:
    """Take."""
    return sum(values)


class Opaque:
    """Nothing that JSON could hold."""


def _opaque(value: Opaque) -> int:
    """Take."""
    return 1


def _unresolved(value: int) -> int:
    """Take."""
    return value


_unresolved.__annotations__["value"] = "Nowhere"


@pytest.mark.parametrize("function", [_untyped, _no_return, _starred, _opaque, _unresolved])
def test_functions_without_types_are_refused(function: Callable[..., object]) -> None:
    """Every parameter and the return value must say a type that JSON can hold."""
    with pytest.raises(InvalidDocumentError) as raised:
        tool(domain="a", operation="read", idempotency="natural", owner="o", version="1.0.0")(
            function
        )

    assert {each.code for each in raised.value.diagnostics} == {"TOOL-HINTS"}


def test_wrong_fields_are_named() -> None:
    """A field of the contract that is wrong is a finding with its path."""

    def do() -> None:
        """Do."""

    with pytest.raises(InvalidDocumentError) as raised:
        tool(domain="Shop", operation="eat", idempotency="none", owner="o", version="1", more=1)(do)

    assert {each.path for each in raised.value.diagnostics} == {
        "/do/name",
        "/do/domain",
        "/do/operation",
        "/do/version",
        "/do/more",
    }


def test_a_key_that_is_not_taken_is_refused() -> None:
    """Idempotency `key` without a step key would be a false promise."""

    def do() -> None:
        """Do."""

    with pytest.raises(InvalidDocumentError) as raised:
        tool(domain="a", operation="write", idempotency="key", owner="o", version="1.0.0")(do)

    assert [each.code for each in raised.value.diagnostics] == ["TOOL-KEY-UNUSED"]
