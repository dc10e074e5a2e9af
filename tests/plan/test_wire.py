"""What travels with every step is short, and older, longer forms of it mean the same."""

import json

import pytest
from pydantic import BaseModel

from remit.plan.compiled import Limits, Schedule, ScheduledStep
from remit.plan.wire import StepCall, StepResult

CALL = StepCall(root="r", compiled="sha256:c", step="a", parent="", item=None, tool="")
RESULT = StepResult(status="skipped", decision_id="", until=None, gate=None)
STEP = ScheduledStep(id="a", tool="lab.put@1", needs=[], count=None, queue=None, reason="")


@pytest.mark.parametrize(
    ("model", "written"),
    [
        (CALL, {"root": "r", "compiled": "sha256:c", "step": "a", "direction": "do"}),
        (RESULT, {"status": "skipped"}),
        (STEP, {"id": "a", "tool": "lab.put@1", "max_parallel": 5, "timeout_s": 30.0}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_says_nothing_is_left_out(model: BaseModel, written: dict[str, object]) -> None:
    """A default is not written, and is there again when it is read."""
    text = model.model_dump_json()

    assert json.loads(text) == written
    assert type(model).model_validate_json(text) == model


def test_a_value_that_looks_like_nothing_stays() -> None:
    """Item 0, a false `until` and an output of zero are answers."""
    call = CALL.model_copy(update={"item": 0, "iteration": 2})
    result = RESULT.model_copy(update={"until": False, "shown": 0})

    assert json.loads(call.model_dump_json()).items() >= {"item": 0, "iteration": 2}.items()
    assert json.loads(result.model_dump_json()).items() >= {"until": False, "shown": 0}.items()


def test_the_bounds_of_a_schedule_are_always_written() -> None:
    """They shape commands, so a history holds them: tomorrow's defaults may be others."""
    written = json.loads(Schedule(compiled="sha256:c", steps=[STEP]).model_dump_json())

    assert set(written["limits"]) == set(Limits.model_fields)
    assert "engine" in written


def test_a_form_with_all_defaults_reads_the_same() -> None:
    """Histories recorded before hold every field."""
    older = (
        '{"root":"r","compiled":"sha256:c","parent":"","step":"a","item":null,"iteration":0,'
        '"generation":0,"direction":"do","tool":""}'
    )

    assert StepCall.model_validate_json(older) == CALL
