"""The ending that nobody brings about: a gate that is not answered, in every scenario.

How long a gate waits is data of the company's policies; here it is made short for all of them.
"""

from collections.abc import Iterator

import pytest
from temporalio.client import Client

from remit.canonical import JSON
from tests.running import ended
from tests.scenarios.office import Office, begin, told

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]

SHORT_MS = 1500


@pytest.fixture(scope="module", autouse=True)
def impatient(backoffice: Office) -> Iterator[None]:
    """Let every gate of the scenarios expire soon."""
    gates = ("thresholds/gates/spend", "thresholds/gates/delete")
    places = (*gates, "domains/crm/gate", "domains/identity/gate")
    with backoffice.policy({f"{place}/expires_in_ms": SHORT_MS for place in places}):
        yield


@pytest.mark.parametrize(
    ("ref", "inputs", "role", "first"),
    [
        ("crm-update@1.0.0", {"fields": {"discount_bps": 500}}, "account_owner", ""),
        ("purchase-laptops@1.0.0", {}, "budget_holder", "finance.reservation"),
        ("delete-record@1.0.0", {}, "data_owner", "erp.archive"),
        ("onboarding@1.0.0", {"access_role": "admin"}, "security_officer", "crm.account"),
        ("pilot@1.0.0", {}, "security_officer", "crm.proposal"),
    ],
    ids=["SC-01", "SC-02-purchase", "SC-02-deletion", "SC-06", "SC-09"],
)
async def test_silence_refuses(
    office: Office, client: Client, ref: str, inputs: dict[str, JSON], role: str, first: str
) -> None:
    """Nobody answers in time: what was gated never happens, the rest is undone, first step last."""
    before = office.state()
    handle = await begin(client, ref, inputs)

    outcome = await ended(handle)

    effects = office.effects()
    assert (outcome["status"], outcome["code"]) == ("expired", "GATE-EXPIRED")
    assert role in str(outcome["reason"])
    assert outcome["residue"] == []
    assert effects[:1] == ([f"do {first}"] if first else [])
    assert effects[-1:] == ([f"undo {first}"] if first else [])
    assert (office.state(), office.net(), office.doubled()) == (before, {}, [])
    attributes = await told(handle)
    assert attributes["RemitStatus"] == "expired"
    assert "RemitAwaits" not in attributes
    assert await office.approvals(str(handle.first_execution_run_id)) == []
