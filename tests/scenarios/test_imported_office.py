"""The back office connected by its own OpenAPI document, and by nothing else."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSON, JSONObject
from remit.cli.main import main
from tests.running import ended, start
from tests.scenarios.office import Office, answer, plan_file

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice"), pytest.mark.timeout(240)]

BASE = "${env:BACKOFFICE_URL|http://127.0.0.1:${env:REMIT_PORT_BACKOFFICE}}"
AREAS = ("erp", "finance", "crm", "identity", "mail", "supplier", "analytics")
HOLDER = "budget.holder@acme.example"
WORKERS = "workers"


@pytest.fixture(scope="module")
def imported(backoffice: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The office's stack with imported contracts in the place of those written by hand."""
    tools, kept = backoffice.project / "tools", tmp_path_factory.mktemp("kept") / "tools"
    shutil.copytree(tools, kept)
    for file in tools.iterdir():
        file.unlink()
    domains = [word for area in AREAS for word in ("--domain", area)]
    source, project = f"{backoffice.url}/openapi.json", str(backoffice.project)
    where = ["--project", project, "--into", "tools/office.yaml", "--region", "eu"]
    said = ["--server", BASE, "--destination", "127.0.0.1", *domains]
    code = main(["tools", "import", "openapi", source, *where, *said])
    assert code == 0
    backoffice.restart(WORKERS)
    yield tools / "office.yaml"
    (tools / "office.yaml").unlink()
    shutil.copytree(kept, tools, dirs_exist_ok=True)
    backoffice.restart(WORKERS)


def purchase(**inputs: JSON) -> JSONObject:
    """Return the example's purchase; its last notice is a contract that no document can give."""
    plan = plan_file("purchase")
    steps, given = plan["steps"], plan["inputs"]
    assert isinstance(steps, list)
    assert isinstance(given, dict)
    plan["steps"] = [step for step in steps if isinstance(step, dict) and step["id"] != "notify"]
    plan["inputs"] = {**given, "reference": f"laptops-{uuid.uuid4().hex[:8]}", **inputs}
    return plan


async def begin(client: Client, plan: JSONObject) -> WorkflowHandle:
    """Start the plan."""
    return await start(client, plan)


async def test_a_purchase_goes_through(imported: Path, office: Office, client: Client) -> None:
    """Reads, gated spending, read-backs and keys, all by what the document says."""
    handle = await begin(client, purchase())

    wait = await answer(handle, "approve", HOLDER)

    outcome = await ended(handle)
    assert (outcome["status"], outcome["undone"]) == ("completed", 0)
    assert wait["role"] == "budget_holder"
    assert "do erp.order" in office.effects()
    assert office.doubled() == []
    assert "erp.get_order" in office.requests()


async def test_what_fails_is_undone(imported: Path, office: Office, client: Client) -> None:
    """The document's read-back notices a lie, and its compensations take everything back."""
    before = office.state()
    office.fault("supplier.confirm_order", "lie")
    handle = await begin(client, purchase())

    await answer(handle, "approve", HOLDER)

    outcome = await ended(handle)
    assert (outcome["status"], outcome["code"]) == ("failed", "READ-BACK-DIFFERS")
    assert (outcome["step"], outcome["residue"]) == ("confirm", [])
    assert "undo finance.reservation" in office.effects()
    assert (office.state(), office.net(), office.doubled()) == (before, {}, [])
