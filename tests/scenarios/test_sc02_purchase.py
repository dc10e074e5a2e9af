"""SC-02: a purchase, with each of its endings; the company's books are the judge."""

import json
import uuid

import pytest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

from remit.canonical import JSON, JSONObject
from tests.running import ROOT, ended, start, waits
from tests.scenarios.office import Office, answer, begin, plan_file, told
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

AMENDMENT = ROOT / "examples" / "backoffice" / "amendments" / "purchase.json"
HOLDER = "budget.holder@acme.example"
APPROVER = "finance.approver@acme.example"
REQUESTER = "requester@acme.example"
DONE = [
    "do finance.reservation",
    "do erp.order",
    "do finance.entry",
    "do supplier.confirmation",
    "do mail.message",
]


async def purchase(client: Client, **inputs: JSON) -> WorkflowHandle:
    """Start a purchase under a reference of its own."""
    reference = f"laptops-{uuid.uuid4().hex[:8]}"
    return await begin(client, "purchase-laptops@1.0.0", {"reference": reference, **inputs})


async def test_accepted(office: Office, client: Client) -> None:
    """The budget holder says yes, and every effect happens exactly once."""
    handle = await purchase(client)
    wait = (await waits(handle))[0]
    while_waiting = await told(handle)
    assert office.effects() == ["do finance.reservation"]

    await answer(handle, "approve", HOLDER)

    outcome = await ended(handle)
    assert (outcome["status"], outcome["undone"]) == ("completed", 0)
    assert office.effects() == DONE
    assert office.doubled() == []
    assert (wait["role"], wait["step"]) == ("budget_holder", "order")
    assert (while_waiting["RemitStatus"], while_waiting["RemitAwaits"]) == (
        "awaiting_approval",
        "budget_holder",
    )
    assert await told(handle) == {
        "RemitPlan": "purchase-laptops@1.0.0",
        "RemitStatus": "completed",
        "RemitAgent": "buyer@1.4.0",
        "RemitTenant": "acme",
        "RemitOwner": "team:workplace",
        "RemitRisk": "high",
    }
    root = str(handle.first_execution_run_id)
    assert await office.approvals(root) == [("operation.spend", HOLDER)]
    kinds = [record["kind"] for record in await office.evidence(root)]
    assert kinds.count("intent") == kinds.count("outcome") == 6


async def test_amended_while_it_waits(office: Office, client: Client) -> None:
    """The example's amendment: the requester is told as well, in one more message."""
    proposal = json.loads(AMENDMENT.read_text(encoding="utf-8"))
    handle = await purchase(client)
    await waits(handle)

    changed = await handle.execute_update("amend", proposal)
    await answer(handle, "approve", HOLDER)

    outcome = await ended(handle)
    assert changed == "amend: add tell; replace notify"
    assert (outcome["status"], outcome["undone"]) == ("completed", 0)
    assert office.effects() == [*DONE, "do mail.message"]
    assert office.doubled() == []


async def test_denied_by_policy(office: Office, client: Client) -> None:
    """A supplier whom nobody vetted gets no order, and the budget is free again."""
    before = office.state()

    outcome = await ended(await purchase(client, supplier="sup-9"))

    assert (outcome["status"], outcome["code"]) == ("refused", "erp.supplier_not_vetted")
    assert (outcome["step"], outcome["undone"], outcome["residue"]) == ("order", 1, [])
    assert office.effects() == ["do finance.reservation", "undo finance.reservation"]
    assert "erp.place_order" not in office.requests()
    assert (office.state(), office.net()) == (before, {})


async def test_rejected_by_a_person(office: Office, client: Client) -> None:
    """The budget holder says no; the budget is free again."""
    before = office.state()
    handle = await purchase(client)

    await answer(handle, "reject", HOLDER, comment="not this quarter")

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("rejected", "GATE-REJECTED")
    assert "not this quarter" in str(outcome["reason"])
    assert office.effects() == ["do finance.reservation", "undo finance.reservation"]
    assert office.state() == before
    assert (await told(handle))["RemitStatus"] == "rejected"
    assert await office.approvals(str(handle.first_execution_run_id)) == []


async def test_failed_and_compensated(office: Office, client: Client) -> None:
    """The supplier only says that it confirmed: ledger entry, order, reservation are undone."""
    before = office.state()
    office.fault("supplier.confirm_order", "lie")
    handle = await purchase(client)

    await answer(handle, "approve", HOLDER)

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("failed", "READ-BACK-DIFFERS")
    assert (outcome["step"], outcome["residue"]) == ("confirm", [])
    assert office.effects() == [
        "do finance.reservation",
        "do erp.order",
        "do finance.entry",
        "undo finance.entry",
        "undo erp.order",
        "undo finance.reservation",
    ]
    assert (office.state(), office.net(), office.doubled()) == (before, {}, [])
    assert (await told(handle))["RemitStatus"] == "failed"
    await office.evidence(str(handle.first_execution_run_id))


async def test_entry_that_was_never_posted_is_noticed(office: Office, client: Client) -> None:
    """The books only say that they posted: the read-back finds no entry, and all is undone."""
    before = office.state()
    office.fault("finance.post_entry", "lie")
    handle = await purchase(client)

    await answer(handle, "approve", HOLDER)

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("failed", "READ-BACK-DIFFERS")
    assert (outcome["step"], outcome["residue"]) == ("entry", [])
    assert "supplier.confirm_order" not in office.requests()
    assert "do finance.entry" not in office.effects()
    assert (office.state(), office.net(), office.doubled()) == (before, {}, [])


async def test_unreachable_supplier_is_a_question_for_a_person(
    office: Office, client: Client
) -> None:
    """When nobody can tell whether it was confirmed, a person says so, and then it is undone."""
    before = office.state()
    office.fault("supplier.confirm_order", "status_503")
    handle = await purchase(client)
    await answer(handle, "approve", HOLDER)
    wait = (await waits(handle))[0]
    assert (wait["kind"], wait["step"]) == ("doubt", "confirm")
    assert (await told(handle))["RemitStatus"] == "in_doubt"

    no: JSONObject = {"step": "confirm", "happened": False, "evidence": "the supplier's books"}
    await handle.execute_update("resolve_doubt", {**no, "by": "operator@acme.example"})

    outcome = await ended(handle)
    assert (outcome["status"], outcome["step"], outcome["residue"]) == ("failed", "confirm", [])
    assert (office.state(), office.net(), office.doubled()) == (before, {}, [])


async def test_crash_after_the_order_orders_once(office: Office, client: Client) -> None:
    """An answer that was lost is asked for again under the same key: one order."""
    office.fault("erp.place_order", "crash_after_effect", times=1, crash="close")
    handle = await purchase(client)

    await answer(handle, "approve", HOLDER)

    assert (await ended(handle))["status"] == "completed"
    assert office.requests().count("erp.place_order") == 2
    assert office.effects() == DONE
    assert office.doubled() == []


async def test_large_purchase_asks_finance_too(office: Office, client: Client) -> None:
    """Above the threshold the finance approver is asked after the budget holder."""
    eight: dict[str, JSON] = {"quantity": 8, "amount_micros": 11_200_000_000}
    handle = await purchase(client, **eight)
    first = await answer(handle, "approve", HOLDER)

    second = await answer(handle, "approve", APPROVER)

    assert (first["role"], second["role"]) == ("budget_holder", "finance_approver")
    assert (await ended(handle))["status"] == "completed"
    assert await office.approvals(str(handle.first_execution_run_id)) == [
        ("operation.spend", HOLDER),
        ("operation.spend_large", APPROVER),
    ]
    assert office.effects() == DONE


@pytest.mark.parametrize(("asks", "code"), [(HOLDER, "self_approval"), (REQUESTER, "role_missing")])
async def test_requester_cannot_approve(
    office: Office, client: Client, asks: str, code: str
) -> None:
    """Whoever asked for it has no vote, whatever their role; the run waits for somebody else."""
    handle = await start(client, {**plan_file("purchase"), "on_behalf_of": asks})
    wait = (await waits(handle))[0]
    vote = {"step": "order", "digest": wait["digest"], "by": asks}

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("approve", vote)

    assert getattr(refused.value.cause, "type", "") == f"vote.{code}"
    assert (await handle.query("status"))["status"] == "awaiting_approval"
    assert office.effects() == ["do finance.reservation"]
    await handle.cancel()
    await ended(handle)
    assert office.net() == {}


async def test_more_than_the_plan_may_cost_is_refused(office: Office, client: Client) -> None:
    """A price beyond the plan's own limit is denied before the order, and undone."""
    before = office.state()
    document = plan_file("purchase")
    document["constraints"] = {"cost": {"micros": 4_000_000_000, "currency": "EUR"}}

    outcome = await ended(await start(client, document))

    assert (outcome["status"], outcome["code"]) == ("refused", "budget.exceeded")
    assert "erp.place_order" not in office.requests()
    assert office.state() == before


async def test_more_than_the_budget_holds_is_refused(office: Office, client: Client) -> None:
    """What the department has not got is refused by its books; nothing happens."""
    fifteen: dict[str, JSON] = {"quantity": 15, "amount_micros": 21_000_000_000}

    outcome = await ended(await purchase(client, **fifteen))

    assert (outcome["status"], outcome["code"]) == ("failed", "TOOL-REFUSED")
    assert "BUDGET_EXCEEDED" in str(outcome["reason"])
    assert office.effects() == []


async def test_agent_without_scope_calls_nothing(office: Office, client: Client) -> None:
    """Another agent's tools are refused for the whole plan; the back office hears nothing."""
    document = {**plan_file("purchase"), "agent": "crm-agent@2.0.1"}

    outcome = await ended(await start(client, document))

    assert (outcome["status"], outcome["code"]) == ("refused", "plan.tool_not_listed")
    assert office.requests() == []


async def test_sc13_rule_tightened_while_it_waits(office: Office, client: Client) -> None:
    """An approval is not enough when the rules have changed meanwhile (SC-13).

    It is decided again, and the record holds both revisions.
    """
    before = office.state()
    handle = await purchase(client)
    await waits(handle)
    fewer: list[JSON] = ["finance.read", "finance.write", "supplier.read", "erp.read"]

    with office.policy({"agents/buyer/scopes": fewer}):
        await answer(handle, "approve", HOLDER)
        outcome = await ended(handle)

    assert (outcome["status"], outcome["code"]) == ("refused", "agent.scope_missing")
    assert office.effects() == ["do finance.reservation", "undo finance.reservation"]
    assert office.state() == before
    records = await office.evidence(str(handle.first_execution_run_id))
    under = {
        (record["kind"], body["decision"]["effect"]): body["decision"]["revision"]
        for record in records
        if record["kind"] in ("gate", "decision")
        and isinstance(body := record["body"], dict)
        and isinstance(body.get("decision"), dict)
        and body["decision"]["effect"] != "allow"
    }
    assert under.keys() == {("gate", "require_approval"), ("decision", "deny")}
    assert len(set(under.values())) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"total_micros": 4_200_000_001}, "vote.edit_widens"),
        ({"currency": "USD"}, "vote.edit_widens"),
        ({"total_micros": "a lot"}, "VOTE-EDIT-INVALID"),
        ({"delivery": "today"}, "VOTE-EDIT-INVALID"),
    ],
)
async def test_an_edit_that_widens_the_order_is_refused(
    office: Office, client: Client, changes: JSONObject, code: str
) -> None:
    """Dearer, in another currency, or not what the tool takes: the gate stays, and nothing is made.

    The whole of what was proposed can still be approved.
    """
    handle = await purchase(client)
    wait = (await waits(handle))[0]
    card = wait["gate"]
    assert isinstance(card, dict)
    assert isinstance(card["arguments"], dict)
    edit: JSONObject = {
        "step": "order",
        "digest": wait["digest"],
        "by": HOLDER,
        "args": {**card["arguments"], **changes},
    }

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("edit", edit)

    assert getattr(refused.value.cause, "type", "") == code
    assert office.effects() == ["do finance.reservation"]
    await answer(handle, "approve", HOLDER)
    assert (await ended(handle))["status"] == "completed"
    assert office.effects() == DONE


async def test_a_smaller_order_is_asked_about_again(office: Office, client: Client) -> None:
    """What is edited to cost less opens a gate of its own; the order is the edited one."""
    handle = await purchase(client)
    wait = (await waits(handle))[0]
    card = wait["gate"]
    assert isinstance(card, dict)
    assert isinstance(card["arguments"], dict)
    total = int(str(card["arguments"]["total_micros"]))
    fewer = {**card["arguments"], "quantity": 2, "total_micros": total // 3 * 2}
    edit: JSONObject = {"step": "order", "digest": wait["digest"], "by": HOLDER, "args": fewer}

    await handle.execute_update("edit", edit)

    async def asked_again() -> bool:
        return any(one["digest"] != wait["digest"] for one in await handle.query("pending"))

    await eventually(asked_again)
    await answer(handle, "approve", HOLDER)
    assert (await ended(handle))["status"] == "completed"
    (order,) = [one for one in office.entries() if one["kind"] == "erp.order"]
    assert str(total // 3 * 2) in str(office.state()["erp.orders"])
    assert order["direction"] == "do"
