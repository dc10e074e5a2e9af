"""Three purchases in a ledger, and a candidate that treats each another way.

Real pipeline, real OPA, no stack. One order goes to a supplier that the candidate strikes off, one
to a supplier that it wants a second look at, and one was refused, to one that it would vet.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from temporalio.exceptions import ApplicationError

from activities.planning import Planning
from remit.cli.questions import rules
from remit.enforcement.frame import Place
from remit.enforcement.point import EnforcementPoint
from remit.plan.wire import Admit, Admitted
from remit.stores.ledger import open_ledger
from remit.stores.project import load_project
from tests.cli.questions.purchase import DAY, KEY, Shopping, project_in
from tests.running import ROOT
from tests.stores.ledger_values import HandClock

STRUCK, LOOKED_AT, VETTED = "0198-struck", "0198-looked-at", "0198-vetted"
AUTHOR, OWNER = "author@acme.example", "policy.owner@acme.example"
_SUPPLIERS = {STRUCK: "sup-7", LOOKED_AT: "sup-8", VETTED: "sup-9"}
_PEOPLE = f"""
      {AUTHOR}: {{roles: [policy_owner]}}
      {OWNER}: {{roles: [policy_owner]}}
    egress:
"""
_SECOND_LOOK = """# METADATA
# title: A second look
# labels: {owner: purchasing, control: D-05}
package remit.domains.erp.look

import rego.v2

import data.remit.lib

_rule := {"role": "finance_approver", "expires_in_ms": 3600000}

gates contains lib.gate("erp.second_look", "domains.erp.look", _rule, "look twice") if {
	input.action.tool == "erp.place_order@1"
	input.action.arguments.supplier == "sup-8"
}
"""


@dataclass
class Ordering(Shopping):
    """A purchase from one supplier."""

    supplier: str = ""

    async def admit(self) -> None:
        """Admit the plan with that supplier."""
        planning = Planning(self.point, self.shop, self.clock)
        file = ROOT / "examples" / "backoffice" / "plans" / "purchase.json"
        document = json.loads(file.read_text(encoding="utf-8"))
        document["inputs"]["supplier"] = self.supplier
        ask = Admit(root=self.root, document=document)
        admitted: Admitted = await self.environment("remit.admit").run(planning.admit, ask)
        self.compiled = admitted.schedule.compiled


async def furnish(folder: Path) -> Path:
    """Make a project with the three purchases in its ledger; return its folder."""
    project = project_in(folder)
    data = project / "policies" / "data.yaml"
    text = data.read_text(encoding="utf-8")
    data.write_text(text.replace("\n    egress:\n", _PEOPLE, 1), encoding="utf-8")
    clock = HandClock(DAY)
    ledger = await open_ledger(f"sqlite:///{project}/.remit/data/ledger.db", clock=clock)
    opa = rules.opa_binary()
    bundle = rules.build(project / "policies", opa)
    await ledger.log.keep_bundle(bundle.revision, bundle.content)
    known = load_project(project)
    async with rules.serving(opa, bundle.content) as judge:
        point = EnforcementPoint(ledger, judge, Place(), clock, known.catalogue.digests)
        for root, supplier in _SUPPLIERS.items():
            clock.advance(24 * 3_600_000)
            try:
                await Ordering(point, clock, known, root, lies=False, supplier=supplier).buy()
            except (ApplicationError, AssertionError):
                # The last one: its order is refused.
                assert root == VETTED
    await ledger.log.sequence(KEY)
    await ledger.close()
    return project


def candidate_in(project: Path, folder: Path) -> Path:
    """Return a copy of the policies that strikes one supplier, vets one, and looks at one twice."""
    made = Path(shutil.copytree(project / "policies", folder / "candidate"))
    data = made / "data.yaml"
    text = data.read_text(encoding="utf-8")
    assert "suppliers: [sup-7, sup-8]" in text
    changed = text.replace("suppliers: [sup-7, sup-8]", "suppliers: [sup-8, sup-9]")
    data.write_text(changed, encoding="utf-8")
    (made / "domains" / "erp" / "look.rego").write_text(_SECOND_LOOK, encoding="utf-8")
    return made
