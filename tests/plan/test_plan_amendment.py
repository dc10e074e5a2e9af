"""Proposals: what becomes of the plan, and everything that speaks against them, at once."""

import pytest

from remit.canonical import JSON, JSONObject, digest
from remit.plan.amendment import Amendment, PinnedFirst, Proposal, amend, read_proposal
from remit.plan.compiled import CompiledPlan
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.plan.scheduling import part_schedule, schedule_of
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from tests.plan.compiling import plan, record, tool

TEXT: JSONObject = {"type": "string"}


def _put(version: str = "1.0.0") -> ToolContract:
    made = tool("desk.put", "write", record(name=TEXT), record(name=TEXT), irreversible=True)
    return made.model_copy(update={"version": version})


TOOLS = Catalogue({"desk.put@1": _put()})


def put(step: str, *needs: str, name: str = "x") -> JSONObject:
    """Return a step."""
    return {"id": step, "tool": "desk.put@1", "needs": list(needs), "args": {"name": name}}


DOCUMENT = plan(put("a"), put("b", "a"), put("c", "a"))


def compiled(document: JSONObject) -> CompiledPlan:
    """Return the compiled form of a good plan."""
    made = compile_plan(document, TOOLS, Library()).compiled
    assert made is not None
    return made


def propose(
    base: CompiledPlan, document: JSONObject, against: dict[str, str], **what: JSON
) -> Amendment:
    """Amend `base` by a proposal."""
    proposal = Proposal.model_validate({"reason": "moved", "by": "boss", **what})
    return amend(base, base.digest, document, proposal, against, TOOLS, Library())


def test_an_amended_plan_keeps_the_rest_byte_for_byte() -> None:
    """Only named steps differ; seats keep every place and raise what changed by one generation."""
    base = compiled(DOCUMENT)
    steps: list[JSON] = [put("b", "a", name="${steps.a.output.name}"), put("n", "b")]

    amended = propose(base, DOCUMENT, {}, steps=steps, drop=["c"])

    assert amended.diagnostics == ()
    assert amended.compiled is not None
    assert amended.compiled.amends is not None
    assert amended.compiled.steps[0] == base.steps[0]
    assert [step.id for step in amended.compiled.steps] == ["a", "b", "n"]
    seats = [(seat.id, seat.generation) for seat in amended.compiled.seats]
    assert seats == [("a", 0), ("b", 1), ("c", 1), ("n", 0)]
    assert amended.difference.added == ["n"]
    assert amended.compiled.amends.base == base.digest != amended.digest
    assert CompiledPlan.model_validate_json(amended.compiled.model_dump_json()) == amended.compiled


def test_the_schedule_keeps_places() -> None:
    """A dropped step leaves its place empty, so that positions mean the same before and after."""
    base = compiled(DOCUMENT)
    made = propose(base, DOCUMENT, {}, steps=[put("n", "b")], drop=["c"]).compiled
    assert made is not None

    schedule = schedule_of(made, {})

    assert [step.id for step in schedule.steps] == ["a", "b", "c", "n"]
    assert [step.dropped for step in schedule.steps] == [False, False, True, False]
    assert schedule.steps[3].needs == [1]
    assert part_schedule(made, {}, "n", "long").steps[0].generation == 0


def test_a_dropped_step_comes_back_in_a_later_generation() -> None:
    """A second amendment may use the name again; its seat and generations go on."""
    base = compiled(DOCUMENT)
    first = propose(base, DOCUMENT, {}, drop=["c"])
    assert first.compiled is not None

    second = propose(first.compiled, first.document, {}, steps=[put("c", "b")])

    assert second.compiled is not None
    assert second.compiled.amends is not None
    assert [(s.id, s.generation) for s in second.compiled.seats] == [("a", 0), ("b", 0), ("c", 2)]
    assert second.compiled.amends.number == 2


def test_everything_that_speaks_against_it_comes_at_once() -> None:
    """Begun, stale, twice, unknown, lost, and the compiler's own findings stand in one list."""
    base = compiled(DOCUMENT)
    steps: list[JSON] = [put("a"), put("n", "b"), put("n"), {**put("m"), "tool": "desk.gone@1"}]

    amended = propose(
        base,
        DOCUMENT,
        {"a": "done", "b": "failed"},
        steps=steps,
        drop=["nobody"],
        digest="sha256:" + "0" * 64,
    )

    assert amended.compiled is None
    assert {found.code for found in amended.diagnostics} == {
        "AMEND-STALE",
        "AMEND-TWICE",
        "AMEND-UNKNOWN",
        "AMEND-BEGUN",
        "AMEND-LOST",
        "PLAN-UNKNOWN-TOOL",
    }


def test_dropping_what_others_need_is_refused() -> None:
    """A step that stays cannot lose what it stands on."""
    amended = propose(compiled(DOCUMENT), DOCUMENT, {}, drop=["a"])

    assert "PLAN-UNKNOWN-STEP" in {found.code for found in amended.diagnostics}


def test_no_step_changes_unnamed() -> None:
    """A step that stays cannot be made a fallback from outside."""
    steps: list[JSON] = [{**put("n", "a"), "on_failed": "c"}]

    amended = propose(compiled(DOCUMENT), DOCUMENT, {}, steps=steps)

    assert "AMEND-UNNAMED" in {found.code for found in amended.diagnostics}


def test_a_proposal_that_changes_nothing_is_refused() -> None:
    """The same step again is no amendment."""
    amended = propose(compiled(DOCUMENT), DOCUMENT, {}, steps=[put("c", "a")])

    assert [found.code for found in amended.diagnostics] == ["AMEND-NOTHING"]


@pytest.mark.parametrize("payload", ["x", {}, {"steps": "x", "reason": "r", "by": "b"}, {"z": 1}])
def test_garbage_is_no_proposal(payload: JSON) -> None:
    """Whatever the message holds, the answer is a list of findings."""
    found = read_proposal(payload)

    assert isinstance(found, tuple)
    assert {finding.code for finding in found} == {"AMEND-SHAPE"}


def test_pinned_contracts_come_first() -> None:
    """What the run has pinned stays, whatever the catalogue says today."""
    source = PinnedFirst([_put()], Catalogue({"desk.put@1": _put("1.1.0")}))

    found = source.find("desk.put@1")

    assert found is not None
    assert found.version == "1.0.0"
    assert list(source.refs) == ["desk.put@1"]


def test_digests_of_plans_without_amendments_stay() -> None:
    """An unamended plan is written without the field, as before there were amendments."""
    made = compiled(DOCUMENT)

    assert "amends" not in made.model_dump(mode="json")
    assert made.digest == digest(made.model_dump(mode="json"))
