"""What consumers expect, held against contracts: what is not promised is named, with its place."""

import pytest

from remit.canonical import JSON, JSONObject
from remit.plan.compiler import compile_plan
from remit.plan.expecting import CALL, TAKE_BACK, Trial, trials, unmet
from remit.plan.library import Library
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from remit.tool.expectation import Consumer, is_within
from tests.tool.contracts import THING, contract, reading

TAKEN: JSONObject = {"id": "a", "micros": 5}
MAKE = contract(
    irreversible=False,
    compensation={"tool": "shop.drop@1", "args": {"id": "${output.id}"}},
)
DROP = contract("shop.drop", idempotency="natural")
READS: JSONObject = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}},
}


def consumer(*expects: JSONObject, **more: JSON) -> Consumer:
    """Return a consumer of these tools."""
    document: JSONObject = {
        "consumer": "till",
        "owner": "team:till",
        "agent": "till-agent@1.0.0",
        "on_behalf_of": "clerk@acme.example",
        "tenant": "acme",
        "expects": list(expects),
    }
    return Consumer.model_validate(document | more)


def expecting(**changes: JSON) -> JSONObject:
    """Return an expectation of the read that its contract meets, but for `changes`."""
    met: JSONObject = {
        "tool": "shop.get@1",
        "version": ">=1.0 <2",
        "reads": READS,
        "examples": [{"args": {"id": "a"}}],
    }
    return met | changes


def found(each: JSONObject, *contracts: ToolContract) -> list[tuple[str, str]]:
    """Return code and place of what is unmet."""
    catalogue = Catalogue.of(contracts or [reading()])
    return [(one.code, one.path) for one in unmet(consumer(each), catalogue)]


def tried(*contracts: ToolContract, sandbox: str | None = None) -> Trial:
    """Return the one trial of a write."""
    asked = {"tool": "shop.make@1", "examples": [{"args": dict(TAKEN)}]}
    (trial,) = trials(consumer(asked, sandbox=sandbox), Catalogue.of(contracts))
    return trial


def test_what_a_contract_promises_is_met() -> None:
    """A consumer may read less than there is, and stay open to more."""
    assert found(expecting()) == []


@pytest.mark.parametrize(
    ("changes", "code", "place"),
    [
        ({"tool": "shop.find@1"}, "EXPECTATION-TOOL", "/tool"),
        ({"version": ">=1.1"}, "EXPECTATION-VERSION", "/version"),
        (
            {"reads": {**READS, "required": ["id", "micros"]}},
            "EXPECTATION-ANSWER",
            "/reads/required",
        ),
        (
            {"reads": {**READS, "properties": {"id": {"type": "integer"}}}},
            "EXPECTATION-ANSWER",
            "/reads/properties/id/type",
        ),
        (
            {"reads": {**READS, "properties": {"micros": {"x-currency": "EUR"}}}},
            "EXPECTATION-ANSWER",
            "/reads/properties/micros/x-currency",
        ),
        (
            {"examples": [{"args": {"id": "a"}}, {"args": {"id": 5}}]},
            "EXPECTATION-ARGUMENTS",
            "/examples/1/args/id",
        ),
        ({"examples": [{"args": {}}]}, "EXPECTATION-ARGUMENTS", "/examples/0/args"),
    ],
)
def test_what_is_not_promised_is_named(changes: JSONObject, code: str, place: str) -> None:
    """One expectation, one finding, at its place in the consumer's own document."""
    assert found(expecting(**changes)) == [(code, f"/expects/0{place}")]


def test_a_new_version_that_breaks_a_consumer_names_it() -> None:
    """The producer reads who is broken, by which version, and whom to talk to."""
    newer = reading(version="1.1.0", output_schema={**THING, "required": []})

    (one,) = unmet(consumer(expecting()), Catalogue.of([newer]))

    assert one.code == "EXPECTATION-ANSWER"
    assert "till reads what shop.get@1 (1.1.0) does not promise, at /required" in one.message
    assert "team:till" in one.hint


def test_a_later_major_that_serves_an_earlier_one_is_held_to_the_same() -> None:
    """Its arguments are cast, as those of plans are; its answers and its version are its own."""
    schema: JSONObject = {"type": "object", "properties": {"key": {"type": "string"}}}
    newer = reading(
        version="2.0.0",
        input_schema={**schema, "required": ["key"]},
        upcast={"major": 1, "args": {"key": "${args.id}"}},
        call={"method": "GET", "url": "https://shop.example/things/{key}"},
    )

    assert found(expecting(version=None), newer) == []
    assert found(expecting(), newer) == [("EXPECTATION-VERSION", "/expects/0/version")]
    assert found(expecting(version=None, examples=[{"args": {}}]), newer) == [
        ("EXPECTATION-ARGUMENTS", "/expects/0/examples/0/args")
    ]


def test_a_read_is_tried_as_its_consumer_would_call_it() -> None:
    """One step, in the consumer's own tenant; also where it has a sandbox."""
    catalogue = Catalogue.of([reading()])
    (trial,) = trials(consumer(expecting(), sandbox="playground"), catalogue)

    compiled = compile_plan(trial.plan, catalogue, Library()).compiled

    assert trial.untried == ""
    assert compiled is not None
    assert [step.id for step in compiled.steps] == [CALL]
    assert (compiled.tenant, compiled.agent) == ("acme", "till-agent@1.0.0")


def test_a_write_is_tried_in_a_sandbox_where_something_undoes_it() -> None:
    """Its plan ends by a step that is never taken, and so is undone."""
    trial = tried(MAKE, DROP, sandbox="playground")

    compiled = compile_plan(trial.plan, Catalogue.of([MAKE, DROP]), Library()).compiled

    assert trial.untried == ""
    assert compiled is not None
    assert compiled.tenant == "playground"
    assert [step.id for step in compiled.steps] == [CALL, TAKE_BACK]


@pytest.mark.parametrize(
    ("contracts", "sandbox", "why"),
    [
        ([MAKE, DROP], None, "it has an effect, and the consumer names no `sandbox`"),
        ([contract()], "playground", "it has an effect, and nothing undoes it"),
    ],
)
def test_no_other_write_is_tried(
    contracts: list[ToolContract], sandbox: str | None, why: str
) -> None:
    """Its arguments are held against the contract all the same."""
    trial = tried(*contracts, sandbox=sandbox)

    assert trial.untried == why
    assert [*unmet(trial.consumer, Catalogue.of(contracts))] == []


@pytest.mark.parametrize(
    ("version", "bounds", "is_in"),
    [
        ("1.2.0", ">=1.2 <2", True),
        ("1.1.9", ">=1.2 <2", False),
        ("2.0.0", "<2", False),
        ("1.10.0", ">1.9.5 <=1.10", True),
        ("1.10.1", "<=1.10", False),
        ("1.0.0", "==1", True),
    ],
)
def test_bounds_of_versions(version: str, bounds: str, is_in: bool) -> None:
    """Numbers, not letters; what a bound leaves out is zero."""
    assert is_within(version, bounds) is is_in
