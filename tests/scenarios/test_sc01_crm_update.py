"""SC-01: an agent changes a customer's account, and may have invented what it writes."""

import pytest
from temporalio.client import Client

from remit.canonical import JSON
from tests.running import ended
from tests.scenarios.office import Office, answer, begin, told

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

PLAN = "crm-update@1.0.0"
OWNER = "account.owner@acme.example"
DISCOUNT: dict[str, JSON] = {"fields": {"phone": "+49 30 1", "discount_bps": 500}}


def account(office: Office) -> dict[str, JSON]:
    """Return the seeded account as the CRM has it."""
    return office.call("GET", "/crm/accounts/acc-1001")


async def test_accepted_without_a_person(office: Office, client: Client) -> None:
    """A plain field is written once, and nobody is asked."""
    handle = await begin(client, PLAN, {})

    outcome = await ended(handle)

    assert outcome["status"] == "completed"
    assert account(office)["phone"] == "+49 30 7654321"
    assert office.effects() == ["do crm.account_fields", "do mail.message"]
    assert office.doubled() == []
    assert await office.approvals(str(handle.first_execution_run_id)) == []
    assert (await told(handle))["RemitAgent"] == "crm-agent@2.0.1"


async def test_accepted_by_the_account_owner(office: Office, client: Client) -> None:
    """A commercial field is written after the account owner said yes."""
    handle = await begin(client, PLAN, DISCOUNT)

    wait = await answer(handle, "approve", OWNER)

    assert (await ended(handle))["status"] == "completed"
    assert (wait["role"], wait["step"]) == ("account_owner", "update")
    assert account(office)["discount_bps"] == 500
    assert office.effects() == ["do crm.account_fields", "do mail.message"]
    root = str(handle.first_execution_run_id)
    assert await office.approvals(root) == [("crm.commercial_field", OWNER)]


async def test_invented_account_is_stopped_before_any_write(office: Office, client: Client) -> None:
    """An id that the retrieved records do not hold is refused; not even read with it."""
    before = office.state()
    handle = await begin(client, PLAN, {"account": "acc-1047"})

    outcome = await ended(handle)

    assert (outcome["status"], outcome["code"]) == ("failed", "REQUIRE-FALSE")
    assert (outcome["step"], outcome["undone"]) == ("before", 0)
    assert office.requests() == ["crm.find_accounts"]
    assert office.effects() == []
    assert office.state() == before
    await office.evidence(str(handle.first_execution_run_id))


async def test_denied_by_policy(office: Office, client: Client) -> None:
    """A notice may not leave the company: denied, and the account is as it was."""
    before = office.state()

    outcome = await ended(await begin(client, PLAN, {"notice_to": "someone@elsewhere.example"}))

    assert (outcome["status"], outcome["code"]) == ("refused", "mail.notice_to_outsider")
    assert (outcome["step"], outcome["undone"]) == ("notify", 1)
    assert office.effects() == ["do crm.account_fields", "undo crm.account_fields"]
    assert (office.state(), office.net()) == (before, {})


async def test_a_field_that_the_agent_may_not_set(office: Office, client: Client) -> None:
    """It is denied by name, and nothing was written; without that field it passes, as above."""
    before = office.state()
    fields: dict[str, JSON] = {"phone": "+49 30 1", "owner": "somebody@acme.example"}

    outcome = await ended(await begin(client, PLAN, {"fields": fields}))

    assert (outcome["status"], outcome["code"]) == ("refused", "field.not_settable")
    assert "/fields/owner" in str(outcome["reason"])
    assert office.effects() == []
    assert office.state() == before


async def test_rejected_by_a_person(office: Office, client: Client) -> None:
    """The account owner says no: nothing was written."""
    before = office.state()
    handle = await begin(client, PLAN, DISCOUNT)

    await answer(handle, "reject", OWNER, comment="we gave enough")

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("rejected", "GATE-REJECTED")
    assert office.effects() == []
    assert office.state() == before


async def test_failed_and_compensated(office: Office, client: Client) -> None:
    """The CRM answers outside its contract: what it did is restored from the record read before."""
    before = office.state()
    office.fault("crm.update_account", "bad_schema")

    outcome = await ended(await begin(client, PLAN, {}))

    assert (outcome["status"], outcome["code"]) == ("failed", "OUTPUT-SCHEMA")
    assert (outcome["step"], outcome["undone"], outcome["residue"]) == ("update", 1, [])
    assert office.effects() == ["do crm.account_fields", "undo crm.account_fields"]
    assert (office.state(), office.net(), office.doubled()) == (before, {}, [])


async def test_a_change_that_was_never_made_is_noticed(office: Office, client: Client) -> None:
    """The CRM only says that it changed the account: the fields read back are the old ones."""
    before = office.state()
    office.fault("crm.update_account", "lie")

    outcome = await ended(await begin(client, PLAN, {}))

    assert (outcome["status"], outcome["code"]) == ("failed", "READ-BACK-DIFFERS")
    assert (outcome["step"], outcome["residue"]) == ("update", [])
    assert "at /phone [personal, pii] was expected" in str(outcome["reason"])
    assert office.effects() == []
    assert office.state() == before


async def test_a_value_that_comes_in_after_the_checks_is_taken_back(
    office: Office, client: Client
) -> None:
    """Everything was checked, and something else is written: the old values are restored."""
    before, value = office.state(), "+49 30 6666666"
    office.fault("crm.update_account", "alter", instead={"fields": {"phone": value}})
    handle = await begin(client, PLAN, {})

    outcome = await ended(handle)

    assert (outcome["status"], outcome["code"]) == ("failed", "READ-BACK-DIFFERS")
    assert (outcome["step"], outcome["undone"], outcome["residue"]) == ("update", 1, [])
    assert value not in str(outcome)
    assert office.effects() == ["do crm.account_fields", "undo crm.account_fields"]
    assert (office.state(), office.net(), office.doubled()) == (before, {}, [])
    await office.evidence(str(handle.first_execution_run_id))


async def test_a_change_that_is_seen_late_is_a_success(office: Office, client: Client) -> None:
    """The first read-back fails; within the window that the contract declares it is read again."""
    office.fault("crm.get_account", "status_503", skip=1, times=1)

    outcome = await ended(await begin(client, PLAN, {}))

    assert outcome["status"] == "completed"
    assert office.requests().count("crm.get_account") == 3
    assert office.effects() == ["do crm.account_fields", "do mail.message"]
