"""What must hold of a tool of kind `model`, before anybody asks it."""

from typing import Any

import pytest

from remit.diagnostic import InvalidDocumentError
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from tests.activities.test_model_tool import PRICE, rating

URL = "http://127.0.0.1:9/v1"
COST = {"estimate": {"micros": 900, "currency": "EUR"}, "actual_output": "/cost/micros"}
MONEY = {"bounds": {"micros": 900}}
OUTPUT = {
    "type": "object",
    "properties": {
        "answer": {"type": "object", "properties": {"urgent": {"type": "boolean"}}},
        "cost": {"type": "object", "properties": {"micros": {"type": ["integer", "null"]}}},
    },
}


def codes(contract: ToolContract) -> set[str]:
    """Return what a catalogue of one contract finds."""
    try:
        Catalogue.of([contract])
    except InvalidDocumentError as error:
        return {found.code for found in error.diagnostics}
    return set()


def test_a_sound_contract_is_taken() -> None:
    """Also one whose money is bounded, and followed by `cost`."""
    assert codes(rating(URL)) == set()
    assert codes(rating(URL, more={"cost": COST, "output_schema": OUTPUT}, **MONEY)) == set()


def endpoint(**changes: object) -> dict[str, Any]:
    """Return an endpoint in place of the usual one."""
    return {"endpoints": [{"url": URL, "model": "m", "price": PRICE, **changes}]}


@pytest.mark.parametrize(
    ("code", "more", "call"),
    [
        ("TOOL-MODEL-OPERATION", {"operation": "write", "irreversible": True}, {}),
        ("TOOL-MODEL-ANSWER", {"output_schema": {"type": "object"}}, {}),
        ("TOOL-MODEL-ANSWER", {}, {"when_away": {"urgent": "perhaps"}}),
        ("TOOL-MODEL-ANSWER", {"output_schema": {**OUTPUT, "additionalProperties": False}}, {}),
        ("TOOL-SECRET", {}, endpoint(key="sk-in-the-open")),
        ("TOOL-SECRET", {}, endpoint(key="key:sk-in-the-open")),
        ("TOOL-MODEL-PRICE", {"output_schema": OUTPUT}, MONEY),
        (
            "TOOL-MODEL-PRICE",
            {"cost": COST, "output_schema": OUTPUT},
            {**MONEY, **endpoint(price=None)},
        ),
        ("TOOL-DESTINATION", {"destinations": ["other.example"]}, {}),
        ("TOOL-URL", {}, endpoint(url="http://127.0.0.1/{message}")),
        ("TOOL-TEMPLATE", {}, {"prompt": {"version": 1, "template": "${args.nothing}"}}),
        (
            "TOOL-TEMPLATE",
            {},
            {"prompt": {"version": 1, "system": "${args.message}", "template": "x"}},
        ),
    ],
)  # fmt: skip
def test_a_fault_has_its_code(code: str, more: Any, call: Any) -> None:
    """Each fault keeps the contract out of the catalogue."""
    assert code in codes(rating(URL, more=more, **call))
