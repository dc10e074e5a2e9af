"""What-if over what real runs left: a candidate that blocks one, widens one and gates one."""

import asyncio
import shutil
import time
from pathlib import Path

import pytest
import yaml
from temporalio.client import Client

from remit.canonical import JSON
from remit.cli.whatif.approving import approve
from remit.cli.whatif.command import written
from remit.cli.whatif.histories import gaps
from remit.cli.whatif.making import Made, Question, make
from remit.cli.whatif.promoting import Promotion, promotion
from remit.cli.whatif.reading import source
from tests.running import ended, waits
from tests.scenarios.office import Office, answer
from tests.scenarios.test_sc02_purchase import HOLDER, purchase

pytestmark = [
    pytest.mark.stack,
    pytest.mark.xdist_group("backoffice"),
    pytest.mark.timeout(400),
]

AUTHOR, OWNER = "author@acme.example", "policy.owner@acme.example"
PEOPLE: dict[str, JSON] = {
    f"people/{name}": {"roles": ["policy_owner"]} for name in (AUTHOR, OWNER)
}
_RULES = """# METADATA
# title: How many at once
# labels: {owner: purchasing, control: D-05}
package remit.domains.erp.quantity

import rego.v2

import data.remit.lib

_policy := "domains.erp.quantity"

_rule := {"role": "finance_approver", "expires_in_ms": 3600000}

denies contains lib.reason("erp.single", _policy, "single pieces are bought from the stock") if {
	input.action.tool == "erp.place_order@1"
	input.action.arguments.quantity == 1
}

gates contains lib.gate("erp.pair", _policy, _rule, "look twice at pairs") if {
	input.action.tool == "erp.place_order@1"
	input.action.arguments.quantity == 2
}
"""


def candidate_in(project: Path, folder: Path) -> Path:
    """Return the policies with rules about quantities, and partners among our own people."""
    made = Path(shutil.copytree(project / "policies", folder / "candidate"))
    (made / "domains" / "erp" / "quantity.rego").write_text(_RULES, encoding="utf-8")
    document = yaml.safe_load((made / "data.yaml").read_text(encoding="utf-8"))
    document["remit"]["registry"]["domains"]["mail"]["internal"]["acme"].append("partner.example")
    (made / "data.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return made


async def bought(client: Client, **inputs: JSON) -> str:
    """Buy something, let the budget holder agree, and return the run."""
    handle = await purchase(client, **inputs)
    await waits(handle)
    await answer(handle, "approve", HOLDER)
    await ended(handle)
    return str(handle.first_execution_run_id)


async def made_on(office: Office, candidate: Path, since_ms: int) -> Made:
    """Return what a candidate would have changed since a moment."""
    question = Question(candidate, since_ms, "", office.project, temporal=office.address)
    async with source(office.project, None) as opened:
        return await make(opened, question)


async def decisions_of(office: Office, root: str) -> list[str]:
    """Return the ids of the decisions about a run's calls, as the ledger has them."""
    found = [record["body"] for record in await office.evidence(root)]
    told = [body.get("decision") for body in found if isinstance(body, dict)]
    return [str(one["decision_id"]) for one in told if isinstance(one, dict)]


async def test_one_is_blocked_one_widened_one_gated_and_promotion_waits(
    office: Office, client: Client, tmp_path: Path
) -> None:
    """Exactly those three of the real runs; refused until somebody else approved the report."""
    with office.policy(PEOPLE):
        candidate = candidate_in(office.project, tmp_path)
        since_ms = time.time_ns() // 1_000_000
        outside: JSON = [{"email": "ada@partner.example"}]
        runs = {
            await bought(client, quantity=1): "breaks",
            await bought(client, quantity=2): "adds_gate",
            await bought(client, team=outside): "widens",
            await bought(client): "",
        }
        made = await made_on(office, candidate, since_ms)
        report = made.report
        wanted = Promotion(candidate, report, AUTHOR, office.project)
        before = (await promotion(wanted)).decided.decision
        file = tmp_path / "report.json"
        written(file, report.model_dump_json())
        for name in (AUTHOR, OWNER):
            await asyncio.to_thread(approve, file, name, "", office.project, as_json=True)
        after = (await promotion(wanted)).decided.decision

        known = {one for root in runs for one in await decisions_of(office, root)}
        period = since_ms, report.made_ms
        told = {one.rsplit(" ", 1)[1] for one in await gaps(office.address, "default", period, ())}
        lost = sorted(told & known)[0]
        missed = await gaps(office.address, "default", period, known - {lost})

    assert made.gaps == []
    assert len(told & known) > 3 * len(runs)
    assert [line.rsplit(" ", 1)[1] for line in missed] == [lost]
    assert {one.root: one.kind for one in report.divergences} == {
        root: kind for root, kind in runs.items() if kind
    }
    assert report.first == {"breaks": 1, "widens": 1, "adds_gate": 1}
    assert (report.counts.runs, report.counts.unreproducible, report.findings) == (4, 0, [])
    assert all(one.proof and one.proof.red_before for one in report.divergences)
    assert [one.code for one in before.reasons] == ["promotion.approval_missing"]
    assert after.effect == "allow"
