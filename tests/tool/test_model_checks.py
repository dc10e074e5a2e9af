"""What must hold of a tool of kind `model`, before anybody asks it."""

from typing import Any

import pytest

from remit.diagnostic import InvalidDocumentError
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from remit.tool.language_model import OUTPUTS
from tests.activities.test_model_tool import PRICE, rating

URL = "http://127.0.0.1:9/v1"
COST = {"estimate": {"micros": 900, "currency": "EUR"}, "actual_output": "/cost/micros"}
MONEY = {"bounds": {"micros": 900}}
OUTPUT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "answer": {"type": "object", "properties": {"urgent": {"type": "boolean"}}},
        "cost": {"type": "object", "properties": {"micros": {"type": ["integer", "null"]}}},
    },
}
WHOLE = {"type": "object", "properties": {**{name: {} for name in OUTPUTS}, **OUTPUT["properties"]}}


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


def test_a_contract_of_endpoints_with_conditions_is_taken() -> None:
    """One that says which data, risk and time they are for; a closed schema needs no more."""
    some = {"sees": [], "up_to_risk": "low", "expect_s": 5}
    contract = rating(URL, **endpoint(**some))
    last = {"url": URL, "model": "last", "sees": ["pii"], "up_to_risk": "critical"}
    more = {"endpoints": [*contract.model_dump(mode="json")["call"]["endpoints"], last]}

    assert codes(rating(URL, more={"data_classes": ["pii"]}, **more, keep_s=60)) == set()
    closed = {**WHOLE, "additionalProperties": False}
    assert codes(rating(URL, more={"output_schema": closed})) == set()


def test_what_says_nothing_is_no_part_of_the_digest() -> None:
    """A contract that states none of it keeps its digest, and a run in flight its tool."""
    told = rating(URL).model_dump(mode="json")["call"]

    assert set(told["endpoints"][0]) == {"url", "model", "key", "timeout_s", "price"}
    assert "keep_s" not in told


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
        ("TOOL-MODEL-ROUTE", {}, endpoint(expect_s=31)),
        ("TOOL-MODEL-ROUTE", {"timeout_s": 5}, endpoint(expect_s=6)),
        ("TOOL-MODEL-ROUTE", {"data_classes": ["pii"]}, endpoint(sees=["secret"])),
        ("TOOL-MODEL-ROUTE", {}, endpoint(up_to_risk="high")),
        ("TOOL-MODEL-KEEP", {}, {"keep_s": 60, "temperature": 0.1}),
        (
            "TOOL-MODEL-KEEP",
            {"quality": {"rows": [{"at": "/answer/list", "least": 1}], "on_miss": "again"}},
            {"keep_s": 60},
        ),
        (
            "TOOL-MODEL-ANSWER",
            {"output_schema": {**WHOLE, "additionalProperties": False}},
            {"keep_s": 60},
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
