"""The README's own project is read, compiled and decided as it stands there, letter by letter."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.canonical import JSON, JSONObject
from remit.cli.main import main
from remit.plan.compiled import CompiledPlan
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.stores.project import Project, load_project
from tests.docs.pages import ROOT
from tests.policies import given
from tests.policies.served import POLICIES, Served, serve

_FILE = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DUTY = "duty.manager@acme.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the README shows, where it says that they stand."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "remit.toml").write_text('name = "readme"\n')
    for name, text in _FILE.findall((ROOT / "README.md").read_text(encoding="utf-8")):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.fixture(scope="module")
def project(folder: Path) -> Project:
    """What the folder holds."""
    return load_project(folder)


@pytest.fixture(scope="module")
def policies(folder: Path) -> Iterator[Served]:
    """A real OPA with Remit's own policies and the README's."""
    with serve(POLICIES, folder / "policies") as served:
        yield served


@pytest.fixture(scope="module")
def plan(project: Project) -> CompiledPlan:
    """The README's plan, compiled."""
    document = project.library_documents["answer-customer@1.0.0"]
    compilation = compile_plan(document, project.catalogue, Library(project.library_documents))

    assert compilation.diagnostics == ()
    assert compilation.compiled is not None
    return compilation.compiled


def opening(arguments: JSONObject, agent: str = "support-agent") -> JSONObject:
    """Return the facts of opening a ticket."""
    changes = {
        "tool": "tickets.open@1",
        "domain": "tickets",
        "operation": "write",
        "destinations": ["tickets.example"],
        "arguments": arguments,
    }
    principal = given.PRINCIPAL.model_copy(update={"agent": agent, "tenant": "acme"})
    facts = given.call(**changes).model_copy(update={"principal": principal})
    return given.document(facts)


def roles(decision: JSONObject) -> list[JSON]:
    """Return the roles that a decision asks for."""
    demands = decision["approvals"]
    assert isinstance(demands, list)
    return [demand["role"] for demand in demands if isinstance(demand, dict)]


def test_the_tools_have_no_fault_and_no_warning(project: Project) -> None:
    """The contracts and the function make a catalogue, and nothing is worth a second look."""
    assert project.findings == ()
    assert project.catalogue.refs == ("tickets.close@1", "tickets.open@1", "tickets.rate@1")


def test_the_plan_compiles(plan: CompiledPlan) -> None:
    """The plan has no finding, and its ticket is undone as its tool says."""
    undo = plan.steps[1].undo

    assert undo is not None
    assert undo.tool == "tickets.close@1"


def test_the_commands_that_need_no_stack_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`remit validate` and `remit graph` take the plan."""
    file = str(folder / "plans" / "answer.json")

    assert main(["validate", file]) == 0
    assert main(["graph", file, "--json"]) == 0
    assert "answer-customer" in capsys.readouterr().out


@pytest.mark.opa
def test_an_ordinary_ticket_is_opened_unasked(policies: Served) -> None:
    """The agent's scopes cover it, and its host is on the tenant's list."""
    decision = policies.ask(opening({"customer": "c", "title": "t", "urgent": False}))

    assert decision["effect"] == "allow"


@pytest.mark.opa
@pytest.mark.parametrize("urgent", [{"urgent": True}, {"urgent": None}, {}])
def test_an_urgent_ticket_waits_for_the_duty_manager(policies: Served, urgent: JSONObject) -> None:
    """So does one of which nobody knows whether it is urgent."""
    decision = policies.ask(opening({"customer": "c", "title": "t", **urgent}))

    assert decision["effect"] == "require_approval"
    assert roles(decision) == ["duty_manager"]


@pytest.mark.opa
def test_a_stranger_is_denied(policies: Served) -> None:
    """Who is not in the data may do nothing."""
    decision = policies.ask(opening({"customer": "c", "title": "t", "urgent": False}, "stranger"))

    assert decision["effect"] == "deny"


@pytest.mark.opa
def test_the_duty_manager_may_vote(policies: Served) -> None:
    """The vote that the README shows is one that counts."""
    facts = given.document(given.vote(DUTY))
    gate = facts["vote"]
    principal = facts["principal"]
    assert isinstance(gate, dict)
    assert isinstance(gate["gate"], dict)
    assert isinstance(principal, dict)
    gate["gate"] |= {"role": "duty_manager", "roles": ["duty_manager"]}
    principal |= {"agent": "support-agent", "tenant": "acme"}

    assert policies.ask(facts)["effect"] == "allow"
    assert f'"by":"{DUTY}"' in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_picture_is_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """The committed graph is what `remit graph` draws today."""
    purchase = ROOT / "examples" / "plans" / "purchase.json"
    committed = (ROOT / "docs" / "img" / "purchase.svg").read_text(encoding="utf-8")

    assert main(["graph", str(purchase), "--format", "svg", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["graph"] + "\n" == committed
