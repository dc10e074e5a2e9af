"""What consumers expect of the back office, asked of the service itself, as governed runs."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from remit.canonical import JSON, JSONObject
from tests.scenarios.office import Office

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

SANDBOX = "playground"
ADMITTED: Mapping[str, JSON] = {
    "agents/crm-agent/tenants": ["acme", SANDBOX],
    f"egress/{SANDBOX}": ["127.0.0.1", "localhost", "backoffice"],
}


async def verify(office: Office, *arguments: str) -> JSONObject:
    """Run `remit tools verify` as a person does; return what it printed."""
    command = [sys.executable, "-m", "remit", "tools", "verify", *arguments]
    ran = await asyncio.create_subprocess_exec(
        *command, "--project", str(office.project), "--json", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await ran.communicate()
    told: JSONObject = json.loads(out)
    assert ran.returncode == (0 if told["ok"] else 1)
    return told


def rows(told: JSONObject, name: str) -> list[JSONObject]:
    """Return a list of objects out of an answer."""
    listed = told[name]
    assert isinstance(listed, list)
    return [one for one in listed if isinstance(one, dict)]


async def test_the_service_is_as_its_consumers_expect(office: Office) -> None:
    """Every read is tried as its consumer's agent, refusals too; the write is not made."""
    told = await verify(office)

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


async def test_a_service_that_drifted_is_named(office: Office) -> None:
    """An answer that is otherwise, and an agent whom policy lets call no more, told apart."""
    office.fault("finance.get_budget", "bad_schema", match={"budget": "workplace"})
    with office.policy({"agents/reporter/scopes": ["finance.read"]}):
        told = await verify(office, "nightly-report")

    found = rows(told, "diagnostics")
    where = "expectations/reporting.yaml#/expects"
    assert sorted((one["code"], one["path"]) for one in found) == [
        ("EXPECTATION-DRIFT", f"{where}/0/examples/0"),
        ("EXPECTATION-NOT-TRIED", f"{where}/1/examples/0"),
    ]
    assert all("nightly-report" in str(one["message"]) for one in found)


async def test_a_write_is_tried_in_a_sandbox_and_undone(office: Office, tmp_path: Path) -> None:
    """In a tenant of its own, and only there; what it did is taken back by its compensation."""
    before = office.state()
    args: JSONObject = {
        "account": "acc-1001",
        "proposer": "account-owner@acme.example",
        "reason": "to see whether proposals are kept",
        "fields": {"phone": "+49 30 1"},
    }
    file = tmp_path / "sales.json"
    document = {
        "consumer": "sales",
        "owner": "team:sales",
        "agent": "crm-agent@2.0.1",
        "on_behalf_of": "requester@acme.example",
        "tenant": "acme",
        "sandbox": SANDBOX,
        "expects": [
            {
                "tool": "crm.propose_update@1",
                "reads": {"required": ["id"], "properties": {"status": {"const": "open"}}},
                "examples": [
                    {"args": args},
                    {"args": {**args, "account": "acc-0"}, "refused": {"says": "UNKNOWN_ACCOUNT"}},
                ],
            }
        ],
    }
    file.write_text(json.dumps(document))
    with office.policy(ADMITTED):
        told = await verify(office, "--expectations", str(file))

    assert told["diagnostics"] == []
    assert [row["told"] for row in rows(told, "tried")] == [
        "answers as expected",
        "refused, as expected",
    ]
    assert office.effects() == ["do crm.proposal", "undo crm.proposal"]
    assert office.state() == before
