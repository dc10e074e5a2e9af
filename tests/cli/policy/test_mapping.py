"""The map of rules and tools: what can be said of what, found by OPA."""

from functools import cache
from pathlib import Path

import pytest

from remit.cli.compiling import Workshop
from remit.cli.policy.controls import read_controls
from remit.cli.policy.mapping import lines, rendered, unmapped
from remit.cli.policy.reach import Question, Reach
from remit.cli.policy.syntax import Module, parse
from remit.cli.stack.binaries import Binary
from remit.cli.stack.errors import PolicyError
from remit.tool.contract import ToolContract
from tests.policies.served import POLICIES, opa_binary

pytestmark = pytest.mark.opa

_BACK_OFFICE = Path("examples/backoffice")
_DEAD = """package remit.domains.mail.extra

import rego.v2

import data.remit.lib

denies contains lib.reason("mail.never", "domains.mail.extra", "no") if {
	input.action.operation == "spend"
}
"""


@cache
def modules(*folders: Path) -> tuple[Module, ...]:
    """Parse the rules of folders, without tests."""
    files = [file for folder in folders for file in sorted(folder.rglob("*.rego"))]
    return parse(opa_binary(), [file for file in files if not file.name.endswith("_test.rego")])


def tools(*refs: str) -> tuple[ToolContract, ...]:
    """Return contracts of the back office."""
    catalogue = Workshop.of(_BACK_OFFICE).project.catalogue
    return tuple(contract for contract in catalogue if contract.ref in refs)


def asked(cache: Path, *folders: Path, of: tuple[ToolContract, ...]) -> list[Reach]:
    """Ask about tools under the core's rules and those of `folders`."""
    folders = (POLICIES, *folders)
    question = Question(folders, modules(*folders), of)
    return question.answered(Binary(opa_binary(), "1"), cache)


def test_a_rule_reaches_the_tools_whose_contract_lets_it_speak(tmp_path: Path) -> None:
    """Only what deletes may wait for the gate on deleting; a plan is asked about as a plan."""
    of = tools("erp.delete_record@1", "erp.get_record@1")
    deletes, reads, admission, *_ = asked(tmp_path / "reach", _BACK_OFFICE / "policies", of=of)

    assert "operation.delete" in deletes.codes["gates"]
    assert "operation.delete" not in reads.codes["gates"]
    assert "purpose.not_a_read" not in reads.codes["denies"]
    assert "agent.not_active" in reads.codes["denies"]
    assert admission.about == "admission"
    assert "plan.empty" in admission.codes["denies"]
    assert "budget.exceeded" not in admission.codes["denies"]


def test_a_dead_rule_and_a_tool_that_nothing_permits_are_told(tmp_path: Path) -> None:
    """Mail spends nothing, so a rule about it is dead; without rules of its domain a tool is."""
    dead = tmp_path / "policies"
    (dead / "domains" / "mail").mkdir(parents=True)
    (dead / "domains" / "mail" / "extra.rego").write_text(_DEAD)
    reach = asked(tmp_path / "reach", dead, of=tools("mail.send@1", "finance.get_entry@1"))
    found = list(unmapped(lines(modules(dead), reach), reach))

    assert any("denies say mail.never" in fault for fault in found)
    assert "mail.send@1: no rule permits it" in found
    assert "finance.get_entry@1: no rule permits it" not in found


def test_an_answer_is_kept_until_a_rule_or_a_tool_changes(tmp_path: Path) -> None:
    """The second time OPA is not asked; a path that is none would be found out."""
    of = tools("mail.send@1")
    first = asked(tmp_path / "reach", of=of)
    nobody = Binary(tmp_path / "nobody", "1")

    assert (
        Question((POLICIES,), modules(POLICIES), of).answered(nobody, tmp_path / "reach") == first
    )
    with pytest.raises(PolicyError, match="could not be run"):
        Question((POLICIES,), modules(POLICIES), ()).answered(nobody, tmp_path / "reach")


def test_the_map_names_gate_and_compensation(tmp_path: Path) -> None:
    """A tool's line says what may hold it, and what undoes it."""
    of = tools("erp.place_order@1", "mail.send@1")
    rules = modules(POLICIES)
    reach = asked(tmp_path / "reach", of=of)
    text = rendered(rules, lines(rules, reach), reach, of, read_controls(POLICIES))

    assert "`operation.spend`, `operation.spend_large` |  | `erp.cancel_order@1` |" in text
    assert "| `operation.irreversible` |  | nothing |" in text
    assert "| `plan.empty` | admission | D-14 safety | plans, proposals | refused |" in text
