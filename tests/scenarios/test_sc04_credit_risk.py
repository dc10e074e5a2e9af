"""SC-04: who asks for credit meets rules first, then a score, an officer, a committee."""

import uuid
from collections.abc import Iterator, Mapping

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSON
from tests.receiving import Receiver, receiving
from tests.running import ended, waits
from tests.scenarios.office import Office, answer, begin, told
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

OFFICER = "credit.officer@acme.example"
SET = ["do credit.inquiry", "do credit.limit", "do credit.booking", "do mail.message"]
ASKED = ["do credit.inquiry", "undo credit.inquiry"]
ROLES = {"officer": "credit_officer", "committee": "risk_committee"}


async def apply(client: Client, applicant: str) -> WorkflowHandle:
    """Apply for three thousand."""
    asked: dict[str, JSON] = {
        "applicant": applicant,
        "amount_micros": 3_000_000_000,
        "currency": "EUR",
        "reference": f"credit-{uuid.uuid4().hex[:8]}",
        "tell": "credit.desk@acme.example",
    }
    return await begin(client, "credit-risk@1.0.0", asked)


async def test_sc04_a_good_score_asks_nobody(office: Office, client: Client) -> None:
    """The limit is set and booked; the outcome says so, and nothing that is personal."""
    outcome = await ended(handle := await apply(client, "apl-good"))

    assert (outcome["status"], outcome["outputs"]) == ("completed", "[personal]")
    assert (office.effects(), office.doubled()) == (SET, [])
    assert await office.approvals(str(handle.first_execution_run_id)) == []


async def test_sc04_accepted_by_the_officer(office: Office, client: Client) -> None:
    """A fair score waits for the credit officer, who is told which bound it missed.

    The desk is told what the score was made of.
    """
    handle = await apply(client, "apl-fair")

    wait = await answer(handle, "approve", OFFICER)

    outcome = await ended(handle)
    assert (wait["role"], wait["step"]) == ("credit_officer", "limit")
    assert "below what is lent on without asking" in str(wait["gate"])
    assert outcome["status"] == "completed"
    to, _, reference = str(office.entries()[-1]["identity"]).partition("|")
    messages = office.call("GET", f"/mail/messages?to={to}&reference={reference}")["messages"]
    assert "score 585: debt takes 35 % of income, with 2 years of history" in str(messages)
    assert (office.effects(), office.doubled()) == (SET, [])
    root = str(handle.first_execution_run_id)
    assert await office.approvals(root) == [("credit.review", OFFICER)]
    await office.evidence(root)


@pytest.mark.parametrize(
    ("applicant", "code", "effects"),
    [
        ("apl-barred", "credit.barred", ASKED),
        ("apl-stale", "credit.stale", []),
    ],
)
async def test_sc04_denied_by_policy(
    office: Office, client: Client, applicant: str, code: str, effects: list[str]
) -> None:
    """A mark of the bureau bars the best score; of stale data no bureau ever hears."""
    before = office.state()

    outcome = await ended(await apply(client, applicant))

    assert (outcome["status"], outcome["code"]) == ("refused", code)
    assert "credit.set_limit" not in office.requests()
    assert office.effects() == effects
    assert (office.state(), office.net()) == (before, {})


async def test_sc04_rejected_by_the_officer(office: Office, client: Client) -> None:
    """The officer says no: the inquiry is closed, and has forgotten what it told."""
    before = office.state()
    handle = await apply(client, "apl-fair")

    await answer(handle, "reject", OFFICER, comment="too much debt for this income")

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("rejected", "GATE-REJECTED")
    assert f"{OFFICER} (unverified) said no: too much debt" in str(outcome["reason"])
    assert office.effects() == ASKED
    assert (office.state(), office.net()) == (before, {})


async def test_sc04_failed_and_compensated(office: Office, client: Client) -> None:
    """The books only say that they booked: the limit is withdrawn, the inquiry closed."""
    before = office.state()
    office.fault("credit.book_limit", "lie")

    outcome = await ended(handle := await apply(client, "apl-good"))

    assert (outcome["status"], outcome["code"]) == ("failed", "READ-BACK-DIFFERS")
    assert (outcome["step"], outcome["residue"]) == ("book", [])
    assert office.effects() == [
        "do credit.inquiry",
        "do credit.limit",
        "undo credit.limit",
        "undo credit.inquiry",
    ]
    assert (office.state(), office.net(), office.doubled()) == (before, {}, [])
    await office.evidence(str(handle.first_execution_run_id))


@pytest.fixture
def inboxes(backoffice: Office) -> Iterator[Mapping[str, Receiver]]:
    """A webhook for the officer and one for the committee, real ones, and little patience."""
    file = backoffice.project / "remit.toml"
    before = file.read_text()
    gate = "domains/credit/gate"
    patience: dict[str, JSON] = {
        f"{gate}/expires_in_ms": 7000,
        f"{gate}/then": [{"role": "risk_committee", "after_ms": 2000}],
        f"{gate}/remind_every_ms": 1500,
    }
    with receiving() as officer, receiving() as committee, backoffice.policy(patience):
        told = {"officer": officer, "committee": committee}
        tables = "\n[notify.channels]\n"
        for name, receiver in told.items():
            (backoffice.project / f"{name}.url").write_text(receiver.address)
            tables += f'{name} = "file:{name}.url"\n'
        tables += "[notify.roles]\n"
        tables += "".join(f'{role} = ["{name}"]\n' for name, role in ROLES.items())
        file.write_text(before + tables)
        yield told
        file.write_text(before)


async def test_sc04_officer_then_committee_then_silence(
    office: Office, client: Client, inboxes: Mapping[str, Receiver]
) -> None:
    """Each is told at their time, reminded, told of the end, and never told a value."""
    before = office.state()
    handle = await apply(client, "apl-fair")
    (wait,) = await waits(handle)
    assert wait["role"] == "credit_officer"

    async def committee_is_asked() -> bool:
        return (await told(handle)).get("RemitAwaits") == "risk_committee"

    await eventually(committee_is_asked)
    outcome = await ended(handle)

    assert (outcome["status"], outcome["code"]) == ("expired", "GATE-EXPIRED")
    assert office.effects() == ASKED
    assert (office.state(), office.net()) == (before, {})

    def titles(name: str) -> set[str]:
        found = inboxes[name].about(handle.id)
        return {str(one["title"]).removeprefix("Remit: ").partition(" (")[0] for one in found}

    async def told_of_the_end() -> bool:
        return all("gate expired" in titles(name) for name in inboxes)

    await eventually(told_of_the_end)
    asked = "approval wanted"
    assert titles("officer") == {asked, "approval still wanted", "gate expired"}
    escalated = f"{asked}, nobody has answered yet"
    assert titles("committee") == {escalated, "approval still wanted", "gate expired"}
    raw = b"".join(one for receiver in inboxes.values() for one in receiver.raw)
    assert [word for word in (b"apl-fair", b"3000000000") if word in raw] == []
