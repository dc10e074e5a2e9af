"""SC-02, second half: deleting a record, which cannot be undone, after an archive copy."""

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError

from remit.canonical import JSONObject
from tests.running import ended, start, waits
from tests.scenarios.office import Office, answer, begin, plan_file, told

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

PLAN = "delete-record@1.0.0"
OWNER = "data.owner@acme.example"
OPERATOR = "operator@acme.example"
UNDONE = ["do erp.archive", "undo erp.archive"]


async def test_accepted(office: Office, client: Client) -> None:
    """The data owner says yes; the archive copy comes first and stays."""
    handle = await begin(client, PLAN, {})

    wait = await answer(handle, "approve", OWNER)

    assert (await ended(handle))["status"] == "completed"
    assert (wait["role"], wait["step"]) == ("data_owner", "delete")
    assert office.effects() == ["do erp.archive", "do erp.deletion"]
    assert office.doubled() == []
    assert "rec-77" not in str(office.state()["erp.records"])
    root = str(handle.first_execution_run_id)
    assert await office.approvals(root) == [("operation.delete", OWNER)]


async def test_denied_by_policy(office: Office, client: Client) -> None:
    """An agent that may only read and archive is denied at the whole plan; nothing happens."""
    reading = {**plan_file("delete-record"), "agent": "reporter@1.0.0"}

    outcome = await ended(await start(client, reading))

    assert (outcome["status"], outcome["code"]) == ("refused", "plan.tool_not_listed")
    assert office.requests() == []


async def test_rejected_by_a_person(office: Office, client: Client) -> None:
    """The data owner says no: the record lives, and the copy is discarded."""
    before = office.state()
    handle = await begin(client, PLAN, {})

    await answer(handle, "reject", OWNER)

    assert (await ended(handle))["status"] == "rejected"
    assert office.effects() == UNDONE
    assert office.state() == before


async def test_failed_and_compensated(office: Office, client: Client) -> None:
    """Nobody can tell whether it is deleted; a person looks, it is not, the copy is discarded."""
    before = office.state()
    office.fault("erp.delete_record", "status_503")
    handle = await begin(client, PLAN, {})
    await answer(handle, "approve", OWNER)
    wait = (await waits(handle))[0]
    assert (wait["kind"], wait["step"]) == ("doubt", "delete")
    assert (await told(handle))["RemitAwaits"] == "operator"

    no = {"step": "delete", "happened": False, "evidence": "rec-77 is there", "by": OPERATOR}
    await handle.execute_update("resolve_doubt", no)

    outcome = await ended(handle)
    assert (outcome["status"], outcome["step"], outcome["residue"]) == ("failed", "delete", [])
    assert office.effects() == UNDONE
    assert (office.state(), office.net()) == (before, {})


async def test_a_copy_of_another_record_is_no_copy(office: Office, client: Client) -> None:
    """A plan that archives one record and deletes another is refused."""
    before = office.state()
    crossed = plan_file("delete-record")
    steps = crossed["steps"]
    assert isinstance(steps, list)
    assert isinstance(steps[2], dict)
    steps[2]["args"] = {"record": "rec-78", "archive": "${steps.archive.output.id}"}

    outcome = await ended(await start(client, crossed))

    assert (outcome["status"], outcome["code"]) == ("refused", "sequence.archive_first")
    assert office.effects() == UNDONE
    assert office.state() == before


async def test_an_edit_to_another_record_is_refused(office: Office, client: Client) -> None:
    """A yes to one record does not become the deletion of another."""
    before = office.state()
    handle = await begin(client, PLAN, {})
    wait = (await waits(handle))[0]
    card = wait["gate"]
    assert isinstance(card, dict)
    assert isinstance(card["arguments"], dict)
    edit: JSONObject = {
        "step": "delete",
        "digest": wait["digest"],
        "by": OWNER,
        "args": {**card["arguments"], "record": "rec-78"},
    }

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("edit", edit)

    assert getattr(refused.value.cause, "type", "") == "vote.edit_elsewhere"
    await answer(handle, "reject", OWNER)
    assert (await ended(handle))["status"] == "rejected"
    assert office.state() == before
