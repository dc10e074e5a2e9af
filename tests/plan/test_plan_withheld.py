"""Steps that may be done without an output, for their contract goes on without a poor answer."""

import pytest

from remit.canonical import JSONObject
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.tool.catalogue import Catalogue
from tests.plan.compiling import TEXT, plan, record, tool
from tests.plan.flowing import call

BOUNDS: JSONObject = {"values": [{"at": "/text"}], "on_miss": "without"}
READS = tool("crm.read", "read", record(), record(text=TEXT), quality=BOUNDS)
KEEPS = tool("crm.keep", "write", record(text=TEXT), record(text=TEXT), irreversible=True)
REFERS: JSONObject = {"args": {"text": "${steps.read.output.text}"}, "irreversible": True}


def _codes(**step: object) -> list[tuple[str, str]]:
    steps = plan(call("read", "crm.read"), {**call("keep", "crm.keep", "read"), **step})  # type: ignore[dict-item]
    made = compile_plan(steps, Catalogue.of([READS, KEEPS]), Library({}))
    return [(one.code, one.message) for one in made.diagnostics]


def test_arguments_cannot_do_without_it() -> None:
    """A reference to what may not be there is refused, with the reason."""
    ((code, message),) = _codes(**REFERS)

    assert code == "PLAN-REFERENCE-ABSENT"
    assert "goes on without an answer that is not good enough" in message


@pytest.mark.parametrize("guard", ["has(steps.read.output) && steps.read.output.text != ''", None])
def test_an_expression_needs_a_guard(guard: str | None) -> None:
    """As for a step that may be skipped."""
    when = guard or "steps.read.output.text != ''"

    codes = [code for code, _ in _codes(args={"text": "x"}, irreversible=True, when=when)]
    assert codes == ([] if guard else ["PLAN-REFERENCE-ABSENT"])
