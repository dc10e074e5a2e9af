"""What the commands say of a plan before any of it runs: data, money, order."""

import pytest

from remit.canonical import JSON, JSONObject
from remit.cli.outlook import Expected
from tests.cli.conftest import Command
from tests.plan.compiling import plan
from tests.plan.flowing import call, compiled, output
from tests.running import ROOT

LIMIT: JSONObject = {"constraints": {"cost": {"micros": 12_000_000, "currency": "EUR"}}}
ONE: JSONObject = {"items": ["x", "y"], "as": "one"}


def expected(*steps: JSONObject, **more: JSON) -> Expected:
    """Return what is said of a plan."""
    return Expected.of(*compiled(plan(*steps, **more)))


@pytest.mark.parametrize(
    ("steps", "more", "said"),
    [
        ([call("a", "pub.read")], {}, "it spends nothing"),
        ([call("a", "erp.print")], {}, "it may spend 0.00 EUR, 0.00 EUR when all goes well"),
        (
            [{**call("a", "erp.pay", for_each=ONE), "args": {"micros": 3_000_000}}],
            LIMIT,
            "it may spend 6.00 EUR, 6.00 EUR when all goes well; its limit is 12.00 EUR",
        ),
        (
            [
                call("a", "pub.read"),
                {**call("b", "erp.pay_in", "a"), "args": {"micros": 5, "currency": output("a")}},
            ],
            LIMIT,
            "only the run can tell what it spends; its limit is 12.00 EUR",
        ),
    ],
)
def test_what_it_may_spend(steps: list[JSONObject], more: JSONObject, said: str) -> None:
    """The worst case, the usual one, and the limit that the plan sets."""
    assert expected(*steps, **more).spending() == said


def test_what_is_known_of_a_step() -> None:
    """Data that flows in, money, and what nobody can undo any more."""
    found = expected(
        call("a", "crm.read"),
        {
            **call("b", "erp.pay", "a", for_each=ONE),
            "args": {"text": output("a"), "micros": 1_000_000},
        },
        call("c", "pub.read", "b"),
        **LIMIT,
    )

    assert [[*found.words(step)] for step in found.steps] == [
        [],
        [
            "is given data of pii",
            "costs up to 2.00 EUR in 2 runs",
            "nothing undoes it, and a step behind it may still fail the run",
        ],
        [],
    ]


def test_explain_and_validate_look_ahead(remit: Command) -> None:
    """In words, and as the facts that policy judges by."""
    file = ROOT / "examples/backoffice/plans/purchase.json"

    told = remit("explain", file)
    [checked] = list_of(remit("validate", file, "--json").document["files"])

    assert "only the run can tell what it spends; its limit is" in told.out
    assert "is given data of commercial, financial" in told.out
    outlook = checked["outlook"]
    assert isinstance(outlook, dict)
    steps = {str(step["id"]): step for step in list_of(outlook["steps"])}
    assert (outlook["worst_micros"], steps["order"]["worst"]) == (None, None)
    assert steps["order"]["inflow"] == ["commercial"]
    assert steps["notify"]["may_fail_behind"] is False


def list_of(value: object) -> list[JSONObject]:
    """Return the objects in a list of a document."""
    assert isinstance(value, list)
    return [each for each in value if isinstance(each, dict)]
