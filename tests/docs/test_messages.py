"""The reference of messages, statuses and codes is what the code says, and all of it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from docs.reference import messages, runbooks
from docs.reference.codes import GROUPS, HOST
from remit.cli.stack.errors import StackCode
from remit.client.errors import ClientCode
from remit.client.outcome import Ended
from remit.plan.codes import Code

ROOT = Path(__file__).parents[2]
ROOMS = ("remit", "workflows", "activities", "proposing", "workers")
CODE = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+|host:[a-z_]+")

MADE_OF_PARTS = {
    "GATE-EXPIRED",
    "GATE-REJECTED",
    "TOOL-OUTPUT-SCHEMA",
    "TOOL-PROBE-NOT-READ",
    "TOOL-READ-BACK-NOT-READ",
    "TOOL-UNKNOWN-PROBE",
    "TOOL-UNKNOWN-READ-BACK",
}
"""Codes that the source puts together, so that no search finds them whole."""
NOT_OURS = {
    "NOT-FOUND",  # what the publisher answers over HTTP, to OPA alone
    "NOT-READY",
    "NOTE-ABSENT",  # the scaffold's own tool
    "P-256",  # a curve
}
TRANSLATED = {
    "EXPRESSION-ABSENT",
    "EXPRESSION-BUDGET",
    "EXPRESSION-FAILED",
    "EXPRESSION-INVALID",
    "EXPRESSION-NOT-BOOL",
    "REFERENCE-SYNTAX",
    "REFERENCE-TEXT",
}
"""Codes of errors that a step's failure tells under another code."""
BY_TEMPORAL = {"terminated", "timed_out"}
"""Ends that only the client tells: nothing of ours ran."""


def said(file: Path) -> Iterator[str]:
    """Yield every text constant of a file that is written like a code."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and CODE.fullmatch(node.value)
        ):
            yield node.value


def test_the_page_is_what_the_code_gives() -> None:
    """The committed page is generated from today's code."""
    committed = (ROOT / "docs" / "reference" / "messages.md").read_text(encoding="utf-8")

    assert messages.text() == committed, "python -m docs.reference.messages > …/messages.md"


def test_every_code_of_the_source_is_explained() -> None:
    """Whatever code the source can say stands in a table, and none stands there for nothing."""
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    source = {code for file in files for code in said(file)} | MADE_OF_PARTS
    plans = {code.value for code in Code}
    elsewhere = {code.value for codes in (StackCode, ClientCode) for code in codes}
    explained = {code for group in GROUPS.values() for code in group} | set(HOST)

    assert source - plans - elsewhere - NOT_OURS - TRANSLATED - explained == set()
    assert explained - source == set()


def test_every_status_of_a_run_is_explained() -> None:
    """What the workflows call a run's status, and how it can end, is the table's left column."""
    found = set(get_args(Ended)) - BY_TEMPORAL
    for name in ("governed.py", "unwind.py", "propose_plan.py"):
        tree = ast.parse((ROOT / "workflows" / name).read_text(encoding="utf-8"))
        found |= set(_phases(tree)) | set(_statuses(tree))

    assert set(messages.STATUSES) == found


def _phases(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(attr="phase")], value=ast.Constant(value=str() as phase)
            ):
                yield phase
            case ast.Call(
                func=ast.Attribute(attr="_end"), args=[ast.Constant(value=str() as phase), *_]
            ):
                yield phase


def _statuses(tree: ast.Module) -> Iterator[str]:
    """Yield what the property `status` returns by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "status":
            for part in ast.walk(node):
                match part:
                    case ast.Return(value=ast.Constant(value=str() as status)):
                        yield status
                    case ast.IfExp(body=ast.Constant(value=str() as status)):
                        yield status


def test_every_code_of_the_policies_is_listed() -> None:
    """Each reason and gate that the shipped rules can give stands in the page."""
    page = (ROOT / "docs" / "reference" / "messages.md").read_text(encoding="utf-8")
    listed = messages.policy_codes(ROOT / "policies")

    assert len(listed) > 40
    assert all(row[0] in page for row in listed)


def test_every_code_leads_to_a_runbook() -> None:
    """Whoever sees a code finds what to do."""
    folder = ROOT / "docs" / "runbooks"
    named = {runbooks.of(group, code) for group, codes in GROUPS.items() for code in codes}
    named |= {runbooks.of_stack(code.value) for codes in (StackCode, ClientCode) for code in codes}
    named |= {runbooks.HOST, runbooks.HOST_DENIES, *runbooks.STATUSES.values()}

    assert [name for name in sorted(named) if not (folder / f"{name}.md").exists()] == []
    assert runbooks.unknown() == set()


def test_every_status_in_which_a_run_waits_leads_to_a_runbook() -> None:
    """What stands open and does not go on by itself, and what did not end as it was meant."""
    well = {"admitting", "running", "completed", "rolled_back", "cancelled"}
    well |= {"proposing", "proposed"}

    assert set(runbooks.STATUSES) == set(messages.STATUSES) - well


def test_every_runbook_is_listed_and_cites_a_test() -> None:
    """A page that nobody exercises is a guess, and one that nobody finds is none."""
    folder = ROOT / "docs" / "runbooks"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    for page in sorted(folder.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if page.name == "README.md":
            continue

        assert f"({page.name})" in listed, page.name
        assert re.search(r"\*Shown by\*\s+`tests/[\w/.]+(::test_\w+)?`", text), page.name
        assert "**Do.**" in text or "**What it means.**" in text or "| go to |" in text, page.name
