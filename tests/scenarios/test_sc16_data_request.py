"""SC-16: a region's data is asked for from another; raw only by leave, else an aggregate alone."""

import uuid

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSON
from tests.running import ended, waits
from tests.scenarios.office import Office, answer, begin, told

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

OFFICER = "privacy.officer@acme.example"
ANSWERED = "do mail.message"


async def request(client: Client, **inputs: JSON) -> WorkflowHandle:
    """Ask from the US for the accounts of the EU."""
    asked: dict[str, JSON] = {
        "region": "eu",
        "to_region": "us",
        "reference": f"request-{uuid.uuid4().hex[:8]}",
        "answer_to": "us-office@acme.example",
    }
    return await begin(client, "data-request@1.0.0", asked | inputs)


def told_to_requester(office: Office, reference: str) -> str:
    """Return what the requester was told, by the company's own books."""
    asked = f"/mail/messages?to=us-office@acme.example&reference={reference}"
    messages = office.call("GET", asked)["messages"]
    assert isinstance(messages, list)
    (message,) = messages
    assert isinstance(message, dict)
    return str(message["body"])


async def test_sc16_officer_lets_raw_data_go(office: Office, client: Client) -> None:
    """By leave of the officer alone, once, and no copy stays behind."""
    handle = await request(client)
    wait = (await waits(handle))[0]
    assert (wait["role"], wait["step"]) == ("data_protection_officer", "data/transfer")
    assert office.effects() == ["do analytics.extract"]

    await answer(handle, "approve", OFFICER)

    outcome = await ended(handle)
    assert outcome["status"] == "completed"
    assert outcome["outputs"] == {"kind": "raw", "accounts": 2}
    assert office.effects() == ["do analytics.extract", "do analytics.transfer", ANSWERED]
    assert (office.state()["analytics.extracts"], office.doubled()) == ([], [])
    root = str(handle.first_execution_run_id)
    assert await office.approvals(root) == [("analytics.raw_transfer", OFFICER)]
    await office.evidence(root)


async def test_sc16_officer_refuses_and_the_aggregate_goes(office: Office, client: Client) -> None:
    """The partial copy is removed, nothing left its region, and sums with noise are the answer."""
    before = office.state()
    reference = f"request-{uuid.uuid4().hex[:8]}"
    handle = await request(client, reference=reference)

    await answer(handle, "reject", OFFICER, comment="no ground for a transfer")

    outcome = await ended(handle)
    assert outcome["status"] == "completed"
    assert outcome["outputs"] == {"kind": "aggregate", "accounts": 2}
    assert office.effects() == ["do analytics.extract", "undo analytics.extract", ANSWERED]
    assert "analytics.transfer_extract" not in office.requests()
    assert (office.state(), office.net()) == (before, {})
    said = told_to_requester(office, reference)
    assert said == "Answered by aggregate data of 2 accounts."
    assert (await told(handle))["RemitStatus"] == "completed"
    records = await office.evidence(str(handle.first_execution_run_id))
    assert "vote" in {record["kind"] for record in records}


async def test_sc16_another_region_is_refused_unasked(office: Office, client: Client) -> None:
    """Nobody is asked about a region that raw data never goes to; the aggregate goes."""
    before = office.state()

    outcome = await ended(await request(client, to_region="cn"))

    assert outcome["status"] == "completed"
    assert outcome["outputs"] == {"kind": "aggregate", "accounts": 2}
    assert "analytics.transfer_extract" not in office.requests()
    assert office.state() == before


async def test_sc16_failed_and_compensated(office: Office, client: Client) -> None:
    """The transfer is only said to have happened: it is recalled, the copy goes, the run fails."""
    before = office.state()
    office.fault("analytics.transfer_extract", "lie")
    handle = await request(client)

    await answer(handle, "approve", OFFICER)

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("failed", "READ-BACK-DIFFERS")
    assert outcome["residue"] == []
    assert ANSWERED not in office.effects()
    assert (office.state(), office.net()) == (before, {})
