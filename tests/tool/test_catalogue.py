"""Contracts held against each other and against their own schemas."""

import pytest

from remit.canonical import JSON
from remit.diagnostic import InvalidDocumentError
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from tests.tool.contracts import THING, contract, reading


def _faults(*contracts: ToolContract) -> list[tuple[str, str]]:
    with pytest.raises(InvalidDocumentError) as raised:
        Catalogue.of(contracts)
    return [(each.code, each.path) for each in raised.value.diagnostics]


def test_finds_tools_by_name_and_major_version() -> None:
    """A tool is found by `name@major`, and its digest is the contract's."""
    first, second = contract(), reading(version="2.3.1")

    catalogue = Catalogue.of([first, second])

    assert catalogue.refs == ("shop.get@2", "shop.make@1")
    assert catalogue.find("shop.get@2") == second
    assert catalogue.find("shop.get@1") is None
    assert catalogue.digests["shop.make@1"] == first.digest
    assert catalogue.warnings == ()


def test_digest_changes_with_any_contract() -> None:
    """The catalogue's digest names its content, in whatever order it was given."""
    one, other = contract(), reading()

    assert Catalogue.of([one, other]).digest == Catalogue.of([other, one]).digest
    assert Catalogue.of([one]).digest != Catalogue.of([contract(timeout_s=7)]).digest


def test_reports_every_fault_at_once() -> None:
    """Faults of several contracts come together, each with its own path."""
    found = _faults(
        contract(), contract(version="1.9.0"), reading("shop.look", owner=" ", destinations=[])
    )

    assert found == [
        ("TOOL-DUPLICATE", "/shop.make@1"),
        ("TOOL-BLANK", "/shop.look@1/owner"),
        ("TOOL-DESTINATION", "/shop.look@1/destinations"),
    ]


def expecting(expect: JSON) -> dict[str, object]:
    """Return changes with a read-back that expects this."""
    return {"read_back": {"tool": "shop.get@1", "args": {"id": "${args.id}"}, "expect": expect}}


def poor(**bounds: JSON) -> dict[str, object]:
    """Return changes with these bounds of quality."""
    return {"quality": bounds}


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"input_schema": THING | {"minProperties": "x"}}, "TOOL-INPUT-SCHEMA", "input_schema"),
        ({"input_schema": THING | {"type": "array"}}, "TOOL-INPUT-SCHEMA", "input_schema/type"),
        ({"output_schema": {"pattern": "("}}, "TOOL-OUTPUT-SCHEMA", "output_schema"),
        (
            {"output_schema": {"$ref": "https://elsewhere.example/s"}},
            "TOOL-OUTPUT-SCHEMA",
            "output_schema",
        ),
        (
            {"output_schema": {"$schema": "http://json-schema.org/draft-07/schema#"}},
            "TOOL-OUTPUT-SCHEMA",
            "output_schema",
        ),
        (
            {"compensation": {"tool": "shop.gone@1"}},
            "TOOL-UNKNOWN-COMPENSATION",
            "compensation/tool",
        ),
        (
            {"compensation": {"tool": "shop.make@1", "args": {"x": "${output.name}"}}},
            "TOOL-TEMPLATE",
            "compensation/args",
        ),
        (
            {"compensation": {"tool": "shop.make@1", "args": {"x": "${inputs.name}"}}},
            "TOOL-TEMPLATE",
            "compensation/args",
        ),
        (
            {"compensation": {"tool": "shop.make@1", "args": {"x": "${output.}"}}},
            "TOOL-TEMPLATE",
            "compensation/args",
        ),
        ({"idempotency": "probe"}, "TOOL-PROBE-MISSING", "probe"),
        ({"probe": {"tool": "shop.gone@1"}}, "TOOL-UNKNOWN-PROBE", "probe/tool"),
        ({"probe": {"tool": "shop.make@1"}}, "TOOL-PROBE-NOT-READ", "probe/tool"),
        ({"read_back": {"tool": "shop.make@1"}}, "TOOL-READ-BACK-NOT-READ", "read_back/tool"),
        (expecting("${args.nope}"), "TOOL-TEMPLATE", "read_back/expect"),
        (expecting("${steps.a.output}"), "TOOL-TEMPLATE", "read_back/expect"),
        (expecting({"nope": 1}), "TOOL-READ-BACK-EXPECT", "read_back/expect/nope"),
        (expecting({"micros": "much"}), "TOOL-READ-BACK-EXPECT", "read_back/expect/micros"),
        (expecting({"micros": "x${args.id}"}), "TOOL-READ-BACK-EXPECT", "read_back/expect/micros"),
        (expecting({"micros": "${args.id}"}), "TOOL-READ-BACK-EXPECT", "read_back/expect/micros"),
        (expecting({"id": "${args}"}), "TOOL-READ-BACK-EXPECT", "read_back/expect/id"),
        (expecting({"id": ["${args.id}"]}), "TOOL-READ-BACK-EXPECT", "read_back/expect/id"),
        (
            {**expecting("${output}"), "output_schema": {"properties": {"other": {}}}},
            "TOOL-READ-BACK-EXPECT",
            "read_back/expect",
        ),
        (
            {"probe": {"tool": "shop.get@1", "args": {"id": "${output.id}"}}},
            "TOOL-TEMPLATE",
            "probe/args",
        ),
        (poor(rows=[{"at": "/nope"}]), "TOOL-QUALITY", "quality/rows/0/at"),
        (poor(unique=["/nope"]), "TOOL-QUALITY", "quality/unique/0"),
        (poor(fresh={"at": "/nope", "max_age_s": 1}), "TOOL-QUALITY", "quality/fresh/at"),
        (
            poor(rows=[{"at": "/micros", "least": 2, "most": 1}]),
            "TOOL-QUALITY",
            "quality/rows/0",
        ),
        (
            poor(values=[{"at": "/micros", "good": {"pattern": "("}}]),
            "TOOL-QUALITY",
            "quality/values/0/good",
        ),
        (poor(unique=["/micros"], on_miss="again"), "TOOL-QUALITY", "quality/on_miss"),
        ({"operation": "spend"}, "TOOL-COST-MISSING", "cost"),
        ({"cost": {"micros_argument": "micros"}}, "TOOL-POINTER", "cost/micros_argument"),
        ({"cost": {"actual_output": "/price"}}, "TOOL-POINTER", "cost/actual_output"),
        ({"resource": ["/nothing"]}, "TOOL-POINTER", "resource"),
        ({"call": {"url": "https://shop.example/x?y=1"}}, "TOOL-URL", "call/url"),
        ({"call": {"url": "https://{id}.example/x"}}, "TOOL-URL", "call/url"),
        ({"call": {"url": "https://me:pw@shop.example/"}}, "TOOL-URL", "call/url"),
        ({"call": {"url": "ftp://shop.example/"}}, "TOOL-URL", "call/url"),
        ({"call": {"url": "https://shop.example/{nope}"}}, "TOOL-URL", "call/url"),
        ({"call": {"url": "https://shop.example/{micros}"}}, "TOOL-URL", "call/url"),
        ({"call": {"url": "https://other.example/"}}, "TOOL-DESTINATION", "call/url"),
        ({"call": {"query": {"q": "/nope"}}}, "TOOL-POINTER", "call/query/q"),
        ({"call": {"output": "data"}}, "TOOL-POINTER", "call/output"),
        ({"call": {"body_styles": {"id": "json"}}}, "TOOL-POINTER", "call/body_styles"),
        ({"call": {"body": {"x": "${output.id}"}}}, "TOOL-TEMPLATE", "call/body"),
        ({"call": {"headers": {"Host": "evil.example"}}}, "TOOL-HEADER", "call/headers/Host"),
        ({"call": {"headers": {"X Y": "1"}}}, "TOOL-HEADER", "call/headers/X Y"),
        (
            {"call": {"headers": {"idempotency-key": "1"}}},
            "TOOL-HEADER",
            "call/headers",
        ),
        ({"call": {"idempotency_header": None}}, "TOOL-KEY-UNUSED", "call"),
        ({"call": {"refused": [503]}}, "TOOL-STATUS", "call/refused"),
        ({"call": {"absent": [200]}}, "TOOL-STATUS", "call/absent"),
        ({"call": {"already": [204]}, "output_schema": {}}, "TOOL-STATUS", "call/already"),
        (
            {"call": {"already": [404]}, "output_schema": {"type": "object"}},
            "TOOL-STATUS",
            "call/already",
        ),
    ],
)
def test_faults(changes: dict[str, object], code: str, where: str) -> None:
    """Each fault has its code and the path of the field that is wrong."""
    assert _faults(contract(**changes), reading()) == [(code, f"/shop.make@1/{where}")]


def test_well_formed_contracts_are_taken() -> None:
    """What the faults above are near to is allowed."""
    undo = contract("shop.unmake", idempotency="natural")
    make = contract(
        irreversible=False,
        operation="spend",
        cost={"micros_argument": "/micros", "actual_output": "/micros"},
        compensation={"tool": "shop.unmake@1", "args": {"id": "${output.id}", "n": "${args.id}"}},
        probe={"tool": "shop.get@1", "args": {"id": "${args.id}", "micros": "${step_key}"}},
        read_back={
            "tool": "shop.get@1",
            "args": {"id": "${output.id}"},
            "expect": {"id": "no ${args.id}", "micros": "${args.micros}"},
            "within_s": 2.5,
        },
        call={
            "url": "http://127.0.0.1:${env:REMIT_PORT_SHOP}/{id}",
            "query": {"m": "/micros"},
            "body": {"key": "${step_key}", "list": ["${args.micros}"]},
            "idempotency_header": None,
            "headers": {"Authorization": "Bearer ${env:SHOP_TOKEN}"},
        },
        destinations=["127.0.0.1"],
    )

    assert Catalogue.of([make, undo, reading()]).warnings == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"irreversible": False}, "TOOL-NO-UNDO"),
        ({"compensation": {"tool": "shop.make@1"}}, "TOOL-UNDO-BOTH"),
        (
            {
                "operation": "read",
                "irreversible": False,
                "compensation": {"tool": "shop.make@1"},
            },
            "TOOL-READ-UNDO",
        ),
        ({"idempotency": "natural", "call": {"method": "DELETE"}}, "TOOL-ALREADY"),
    ],
)
def test_warnings(changes: dict[str, object], code: str) -> None:
    """What is allowed but worth a look is told, and nothing else."""
    assert [each.code for each in Catalogue.of([contract(**changes)]).warnings] == [code]
