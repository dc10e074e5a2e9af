"""Who handed a sub-plan's work down, as the ledger's admissions tell."""

from types import SimpleNamespace

import pytest

from remit.canonical import JSON
from remit.enforcement.pinned import Pinned
from remit.ledger.entries import Admission, Content, RunRow
from remit.ledger.errors import LedgerError
from remit.plan.compiled import CompiledPlan
from remit.plan.compiler import compile_plan
from remit.plan.delegation import agents_above as above_parts
from remit.plan.library import Library
from remit.plan.path import callers
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.project import load_project
from tests.running import ROOT, plan

RUN = "run"


@pytest.mark.parametrize(
    ("path", "above"),
    [("", []), ("a", [""]), ("a[3]/b~1@2/c", ["", "a[3]", "a[3]/b~1@2"])],
)
def test_callers_of_a_path(path: str, above: list[str]) -> None:
    """Every plan between the run's own and the one at the path, and not that one itself."""
    assert callers(path) == above


def test_agents_above_a_part_are_those_of_all_its_ways() -> None:
    """A part that two plans call has both above it, and theirs; nobody stands above the root."""

    def of(name: str, agent: str, *parts: str) -> CompiledPlan:
        steps = [SimpleNamespace(plan=part) for part in (*parts, None)]
        return CompiledPlan.model_construct(name=name, agent=f"{agent}@1.0.0", steps=steps)

    parts = {
        "left": of("left", "left", "shared"),
        "right": of("right", "right", "shared", "shared"),
        "shared": of("shared", "deep", "last"),
        "last": of("last", "end"),
        "unused": of("unused", "nobody"),
    }

    assert above_parts(of("root", "first", "right", "left"), parts) == {
        "left": ["first"],
        "right": ["first"],
        "shared": ["first", "right", "left"],
        "last": ["first", "right", "deep", "left"],
        "unused": [],
    }


async def _admit(ledger: SqlLedger, path: str, agent: str) -> None:
    step: JSON = {"id": "look", "tool": "lab.look@1", "args": {"name": agent}}
    document = {**plan("part", [step]), "agent": f"{agent}@1.0.0"}
    made = compile_plan(document, load_project(ROOT / "tests" / "lab").catalogue, Library({}))
    assert made.compiled is not None
    row = RunRow(
        RUN, "w", "part@1.0.0", made.digest, made.digest, f"{agent}@1.0.0", "a", "lab", "o", 0, 1
    )
    contents = [Content.of({}), Content.of(made.compiled.model_dump(mode="json"))]
    admission = Admission(RUN, path, made.digest, contents[0].digest, "decision", "revision")
    await ledger.admit(None if path else row, admission, contents, [])


async def test_agents_above_a_path(ledger_url: str) -> None:
    """The run's own agent comes first; a path whose caller was never admitted is refused."""
    ledger = await open_ledger(ledger_url, deadline_s=30)
    for path, agent in (("", "first"), ("a", "second"), ("a/b", "third")):
        await _admit(ledger, path, agent)
    pinned = Pinned(ledger)

    # Twice: what was found out once is kept.
    for _ in range(2):
        assert await pinned.agents_above(RUN, "") == ()
        assert await pinned.agents_above(RUN, "a") == ["first"]
        assert await pinned.agents_above(RUN, "a/b") == ["first", "second"]
        assert await pinned.agents_above(RUN, "a/b/c") == ["first", "second", "third"]
    with pytest.raises(LedgerError, match="no plan is admitted at 'other'"):
        await pinned.agents_above(RUN, "other/c")
    await ledger.close()
