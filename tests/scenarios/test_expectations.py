"""What consumers expect of the back office, asked of the service itself, as governed runs."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.cli.main import main
from tests.running import ended
from tests.scenarios.office import Office

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

STRANGER: JSONObject = {
    "consumer": "credit",
    "owner": "team:credit",
    "agent": "credit-agent@1.0.0",
    "on_behalf_of": "requester@acme.example",
    "tenant": "acme",
    "expects": [{"tool": "finance.get_budget@1", "examples": [{"args": {"budget": "x"}}]}],
}
"""Whoever policy lets not look at budgets."""
Verify = Callable[..., JSONObject]


@pytest.fixture
def verify(office: Office, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Run `remit tools verify`, and return what it printed."""

    def run(*arguments: str | Path) -> JSONObject:
        typed = [*map(str, arguments), "--project", str(office.project), "--json"]
        code = main(["tools", "verify", *typed])
        told: JSONObject = json.loads(capsys.readouterr().out)
        assert code == (0 if told["ok"] else 1)
        return told

    return run


async def _end(office: Office, workflow_id: str) -> str:
    client = await office.client()
    return str((await ended(client.get_workflow_handle(workflow_id)))["status"])


def rows(told: JSONObject, name: str) -> list[JSONObject]:
    """Return a list of objects out of an answer."""
    listed = told[name]
    assert isinstance(listed, list)
    return [one for one in listed if isinstance(one, dict)]


def test_the_service_is_as_its_consumers_expect(office: Office, verify: Verify) -> None:
    """Every read is tried as its consumer's agent, refusals too; the write is not made."""
    told = verify()

    assert told["diagnostics"] == []
    assert {(row["consumer"], row["told"]) for row in rows(told, "tried")} == {
        ("nightly-report", "answers as expected"),
        ("nightly-report", "refused, as expected"),
        ("purchase", "answers as expected"),
        ("purchase", "refused, as expected"),
    }
    (left,) = rows(told, "left_out")
    assert (left["tool"], left["met"]) == ("finance.reserve_budget@1", False)
    assert office.effects() == []
    assert sorted(set(office.requests())) == [
        "crm.get_account",
        "finance.get_budget",
        "supplier.get_quote",
    ]


def test_a_service_that_drifted_is_named(office: Office, verify: Verify, tmp_path: Path) -> None:
    """Told apart: another answer, a service that is away, an agent whom policy lets not call it.

    Nobody is left with a question about a trial that did nothing.
    """
    place = tmp_path / "others"
    place.mkdir()
    (place / "credit.json").write_text(json.dumps(STRANGER))
    office.fault("finance.get_budget", "bad_schema", match={"budget": "workplace"})
    office.fault("crm.get_account", "status_503")
    own = office.project / "expectations"

    told = verify("nightly-report", "credit", "--expectations", own, "--expectations", place)

    found = rows(told, "diagnostics")
    assert [(one["code"], one["path"]) for one in found] == [
        ("EXPECTATION-DRIFT", "expectations/reporting.yaml#/expects/0/examples/0"),
        ("EXPECTATION-NOT-TRIED", "expectations/reporting.yaml#/expects/1/examples/0"),
        ("EXPECTATION-NOT-TRIED", "others/credit.json#/expects/0/examples/0"),
    ]
    assert "nightly-report expects an answer of finance.get_budget@1" in str(found[0]["message"])
    assert "the run is in_doubt: doubt of operator" in str(found[1]["message"])
    assert "refused: plan.tool_not_listed" in str(found[2]["message"])
    (asked_in_vain,) = [
        str(row["workflow_id"]) for row in rows(told, "tried") if row["tool"] == "crm.get_account@1"
    ]
    assert asyncio.run(_end(office, asked_in_vain)) == "CancelledError"
