"""SC-06: a customer comes in by the work of several agents, wholly or not at all.

Each agent's part is a sub-plan, admitted and decided as that agent; the undo goes back across them.
"""

import sys
import uuid

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSON
from tests.running import ended, waits
from tests.scenarios.office import Office, answer, begin, told

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

OPERATOR = "operator@acme.example"
SECURITY = "security.officer@acme.example"
DONE = {
    "do crm.account",
    "do identity.access",
    "do crm.dataset",
    "do finance.subscription",
    "do mail.message",
}


async def onboard(client: Client, **inputs: JSON) -> WorkflowHandle:
    """Start an onboarding of a customer of its own."""
    reference = f"customer-{uuid.uuid4().hex[:8]}"
    return await begin(client, "onboarding@1.0.0", {"reference": reference, **inputs})


def undo_of(effects: list[str]) -> list[str]:
    """Return the undoing effects, in order, without their direction."""
    return [effect.removeprefix("undo ") for effect in effects if effect.startswith("undo ")]


async def test_accepted(office: Office, client: Client) -> None:
    """Four agents do their parts once; the mail to the customer waits for a person."""
    handle = await onboard(client)
    wait = (await waits(handle))[0]

    await answer(handle, "approve", OPERATOR)

    outcome = await ended(handle)
    assert outcome["status"] == "completed"
    assert (wait["role"], wait["step"]) == ("operator", "welcome")
    effects = office.effects()
    assert set(effects) == DONE
    assert len(effects) == 6, "two people of the customer got access"
    assert (effects[0], effects[-2:]) == (
        "do crm.account",
        ["do finance.subscription", "do mail.message"],
    )
    assert office.doubled() == []
    assert (await told(handle))["RemitAgent"] == "onboarding-agent@1.0.0"
    root = str(handle.first_execution_run_id)
    assert await office.approvals(root) == [("operation.irreversible", OPERATOR)]
    await office.evidence(root)


async def test_denied_by_policy(office: Office, client: Client) -> None:
    """Nobody has access given to themselves: a part is denied, the parts before are undone."""
    before = office.state()
    users: JSON = [{"email": "requester@acme.example", "name": "The one who asked"}]

    outcome = await ended(await onboard(client, users=users))

    assert (outcome["status"], outcome["code"]) == ("refused", "identity.self_grant")
    assert str(outcome["step"]).startswith("access/grant")
    assert "do identity.access" not in office.effects()
    assert undo_of(office.effects())[-1] == "crm.account"
    assert (office.state(), office.net()) == (before, {})


async def test_each_part_is_decided_as_its_own_agent(office: Office, client: Client) -> None:
    """One agent among several is suspended: the whole plan is refused before anything is called."""
    with office.policy({"agents/billing-agent/status": "suspended"}):
        outcome = await ended(await onboard(client))

    assert (outcome["status"], outcome["code"]) == ("refused", "agent.not_active")
    assert "billing-agent" in str(outcome["reason"])
    assert office.requests() == []


async def test_rejected_by_a_person(office: Office, client: Client) -> None:
    """High privileges inside a sub-plan wait at the root run; security says no to them."""
    before = office.state()
    handle = await onboard(client, access_role="admin")

    wait = await answer(handle, "reject", SECURITY)

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("rejected", "GATE-REJECTED")
    assert wait["role"] == "security_officer"
    assert str(wait["step"]).startswith("access/grant")
    assert undo_of(office.effects())[-1] == "crm.account"
    assert "do identity.access" not in office.effects()
    assert (office.state(), office.net()) == (before, {})


async def test_failed_and_compensated(office: Office, client: Client) -> None:
    """Billing only says that it is active: data, access and account go, in reverse."""
    before = office.state()
    office.fault("finance.activate_billing", "lie", match={"plan": "team-monthly"})

    handle = await onboard(client)
    outcome = await ended(handle)

    assert (outcome["status"], outcome["code"]) == ("failed", "READ-BACK-DIFFERS")
    assert (outcome["step"], outcome["residue"]) == ("billing/activate", [])
    undone = undo_of(office.effects())
    assert undone[-1] == "crm.account"
    assert sorted(undone[:-1]) == ["crm.dataset", "identity.access", "identity.access"]
    assert "do mail.message" not in office.effects()
    assert (office.state(), office.net(), office.doubled()) == (before, {}, [])
    assert (await told(handle))["RemitStatus"] == "failed"
    await office.evidence(str(handle.first_execution_run_id))


async def test_duplicate_start_has_no_effect(office: Office, client: Client) -> None:
    """The same start event again, during, after, and under another id: one customer."""
    workflow_id = f"onboarding/{uuid.uuid4().hex[:8]}"
    event = '{"plan":"onboarding@1.0.0","inputs":{"reference":"customer-twice"}}'
    command = (
        "temporal workflow start --type ExecutePlan --task-queue remit "
        f"--workflow-id {workflow_id} --id-reuse-policy RejectDuplicate --input '{event}'"
    )
    office.shell(command)
    handle = client.get_workflow_handle(workflow_id)
    first = (await handle.describe()).run_id
    office.shell(command, check=False)
    await answer(handle, "approve", OPERATOR)
    await ended(handle)
    stands = office.effects()

    office.shell(command, check=False)
    other = await begin(client, "onboarding@1.0.0", {"reference": "customer-twice"})
    outcome = await ended(other)

    assert (await handle.describe()).run_id == first
    assert (outcome["status"], outcome["code"]) == ("failed", "REQUIRE-FALSE")
    assert office.effects() == stands
    assert set(stands) == DONE
    assert office.doubled() == []


def test_an_agents_part_is_rehearsed_by_itself(office: Office) -> None:
    """A dry run takes a sub-plan of the catalogue for what it is, and calls nothing."""
    told = office.shell(
        f"{sys.executable} -m remit dry-run --project {office.project} onboarding-data@1.0.0"
    )

    assert "taken as a part of onboarding@1.0.0" in told
    assert "allow load  crm.load_data@1" in told
    assert office.requests() == []
