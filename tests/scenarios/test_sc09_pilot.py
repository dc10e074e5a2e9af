"""SC-09: a pilot in three systems; the third says no for good, and one undo needs a person.

CRM and identity are two branches that work side by side, each as its own agent; billing needs both.
What keeps the undo from going through is a person's own work in the CRM, done while the run waited.
"""

import uuid

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSON, JSONObject
from tests.running import ended, waits
from tests.scenarios.office import Office, answer, begin, told
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

SECURITY = "security.officer@acme.example"
OPERATOR = "operator@acme.example"
ACCOUNT = "acc-1002"
IF_TRUE: JSONObject = {"segment": "enterprise"}
PROPOSED = "do crm.proposal"
OTHER_CURRENCY = "USD"
"""Billing refuses it, whoever asks and however often: the account is in EUR."""


async def pilot(client: Client, **inputs: JSON) -> WorkflowHandle:
    """Start a pilot of its own."""
    asked: dict[str, JSON] = {"reference": f"pilot-{uuid.uuid4().hex[:8]}"}
    return await begin(client, "pilot@1.0.0", asked | inputs)


async def proposed(office: Office) -> str:
    """Wait until the CRM holds the hypothesis, which no gate keeps back; return the proposal."""

    async def is_there() -> bool:
        return PROPOSED in office.effects()

    await eventually(is_there)
    proposals = office.state()["crm.proposals"]
    assert isinstance(proposals, dict)
    (name,) = proposals
    return str(name)


async def parked(office: Office, client: Client) -> tuple[WorkflowHandle, str, JSONObject]:
    """Bring a pilot to where an undo failed; return run, proposal and what it waits for.

    While security thinks about it, somebody in the CRM takes the proposal for agreed and applies
    it. Then the third system refuses for good.
    """
    handle = await pilot(client, currency=OTHER_CURRENCY)
    proposal = await proposed(office)
    office.call("PATCH", f"/crm/accounts/{ACCOUNT}", {"fields": IF_TRUE, "proposal": proposal})
    await answer(handle, "approve", SECURITY)

    async def is_parked() -> bool:
        kinds = [one["kind"] for one in await handle.query("pending")]
        return kinds == ["repair"] and office.effects()[-1] == "undo identity.access"

    await eventually(is_parked)
    (wait,) = await waits(handle)
    return handle, proposal, wait


async def test_sc09_accepted(office: Office, client: Client) -> None:
    """Both branches begin at once; only high privileges wait for security; then comes the bill."""
    handle = await pilot(client)
    proposal = await proposed(office)
    (wait,) = await waits(handle)
    assert wait["role"] == "security_officer"
    assert str(wait["step"]).startswith("access/grant")
    assert office.effects() == [PROPOSED]

    await answer(handle, "approve", SECURITY)

    outcome = await ended(handle)
    assert outcome["status"] == "completed"
    assert office.effects() == [
        PROPOSED,
        "do identity.access",
        "do finance.subscription",
        "do mail.message",
    ]
    kept = office.call("GET", f"/crm/proposals/{proposal}")
    assert "grow into a larger segment" in str(kept["reason"])
    assert office.doubled() == []
    root = str(handle.first_execution_run_id)
    assert await office.approvals(root) == [("identity.high_privilege", SECURITY)]
    await office.evidence(root)


async def test_sc09_denied_by_policy(office: Office, client: Client) -> None:
    """Nobody has access given to themselves: the branch is denied, the other one taken back."""
    before = office.state()
    users: JSON = [{"email": "requester@acme.example", "name": "The one who asked"}]

    outcome = await ended(await pilot(client, users=users))

    assert (outcome["status"], outcome["code"]) == ("refused", "identity.self_grant")
    assert {"do identity.access", "do finance.subscription"}.isdisjoint(office.effects())
    assert (office.state(), office.net()) == (before, {})


async def test_sc09_rejected_by_security(office: Office, client: Client) -> None:
    """Security says no: the hypothesis is withdrawn, and nobody was billed."""
    before = office.state()
    handle = await pilot(client)
    await proposed(office)

    await answer(handle, "reject", SECURITY, comment="not with these privileges")

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("rejected", "GATE-REJECTED")
    assert office.effects() == [PROPOSED, "undo crm.proposal"]
    assert (office.state(), office.net()) == (before, {})


async def test_sc09_third_system_fails_and_two_are_reverted(office: Office, client: Client) -> None:
    """Refused once, not asked again; both branches are undone, and nothing needs a person."""
    before = office.state()
    handle = await pilot(client, currency=OTHER_CURRENCY, access_role="member")

    outcome = await ended(handle)

    assert (outcome["status"], outcome["code"]) == ("failed", "TOOL-REFUSED")
    assert "CURRENCY_MISMATCH" in str(outcome["reason"])
    assert (outcome["step"], outcome["residue"]) == ("billing/activate", [])
    assert office.requests().count("finance.activate_billing") == 1
    assert sorted(office.effects()[-2:]) == ["undo crm.proposal", "undo identity.access"]
    assert (office.state(), office.net(), office.doubled()) == (before, {}, [])


async def test_sc09_failed_undo_parks_and_is_repaired(office: Office, client: Client) -> None:
    """The other branch is undone meanwhile; a person puts the CRM right, and the undo goes on."""
    before = office.state()

    handle, proposal, wait = await parked(office, client)

    assert (wait["kind"], wait["step"]) == ("repair", "hypothesis/propose")
    assert wait["role"] == "team:sales", "whoever owns the branch, not whoever owns the pilot"
    assert "PROPOSAL_APPLIED" in str(wait["reason"])
    seen = await told(handle)
    assert (seen["RemitStatus"], seen["RemitAwaits"]) == ("needs_repair", wait["role"])
    assert "undo crm.proposal" not in office.effects()

    restored: JSONObject = {"fields": {"segment": "mid_market"}, "proposal": proposal}
    office.call("POST", f"/crm/accounts/{ACCOUNT}/restore", restored)
    order: JSONObject = {"step": wait["step"], "do": "retry", "by": OPERATOR}
    await handle.execute_update("repair", order | {"reason": "applied by mistake; taken back"})

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("failed", "TOOL-REFUSED")
    assert (outcome["step"], outcome["residue"]) == ("billing/activate", [])
    assert office.effects()[-1] == "undo crm.proposal"
    assert (office.state(), office.net(), office.doubled()) == (before, {}, [])
    records = await office.evidence(str(handle.first_execution_run_id))
    assert "repair" in {record["kind"] for record in records}


async def test_sc09_failed_undo_is_handed_over(office: Office, client: Client) -> None:
    """Left to its owner it is residue with a name, and all that stands is what was left."""
    handle, proposal, wait = await parked(office, client)

    order: JSONObject = {"step": wait["step"], "do": "hand_over", "by": OPERATOR}
    await handle.execute_update("repair", order | {"reason": "sales keeps the larger segment"})

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("failed", "TOOL-REFUSED")
    assert isinstance(outcome["residue"], list)
    (left,) = outcome["residue"]
    assert isinstance(left, dict)
    assert (left["path"], left["owner"]) == ("hypothesis/propose", "team:sales")
    assert sorted(office.net()) == [
        f"crm.account_fields {ACCOUNT}|segment",
        f"crm.proposal {ACCOUNT}|account-owner@acme.example|segment",
    ]
    assert office.call("GET", f"/crm/proposals/{proposal}")["status"] == "applied"
