"""Recorded histories replay on the current code, sandboxed as in production (invariant I6)."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from workers.builder import PLANNING, WORKFLOWS, OneArgumentPerMessage, workflow_runner

FOLDER = Path(__file__).parent
RECORDED = sorted(file.stem for file in FOLDER.glob("*.json"))


def recorded(name: str) -> WorkflowHistory:
    """Return a recorded history under the workflow id it had: children's ids are made of it."""
    text = (FOLDER / f"{name}.json").read_text()
    begun = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(begun["workflowId"], text)


def replayer() -> Replayer:
    """Return a replayer made as workers are made."""
    return Replayer(
        workflows=(*WORKFLOWS, *PLANNING),
        workflow_runner=workflow_runner(),
        data_converter=pydantic_data_converter,
        interceptors=[OneArgumentPerMessage()],
    )


@pytest.mark.parametrize("name", RECORDED)
async def test_recorded_history_replays(name: str) -> None:
    """The code of today asks for the commands that were recorded."""
    history = recorded(name)

    result = await replayer().replay_workflow(history, raise_on_replay_failure=False)

    assert result.replay_failure is None


async def test_changed_history_does_not_replay() -> None:
    """The replay notices a step that the recorded run did not take."""
    text = (FOLDER / "completed.json").read_text()
    document = json.loads(text)
    for event in document["events"]:
        scheduled = event.get("activityTaskScheduledEventAttributes", {})
        if scheduled.get("activityId") == "c":
            scheduled["activityId"] = "d"
    history = WorkflowHistory.from_json("changed", json.dumps(document))

    result = await replayer().replay_workflow(history, raise_on_replay_failure=False)

    assert isinstance(result.replay_failure, NondeterminismError)


def test_every_shipped_behaviour_is_recorded() -> None:
    """Each workflow type and each way to end has a history."""
    assert {"completed", "approved", "undone", "cancelled", "repeated", "invalid"} <= set(RECORDED)
    assert {"amended", "reversal", "reversal-refused"} <= set(RECORDED)
    assert {"proposed", "proposal-exhausted"} <= set(RECORDED)
    assert {"tended", "tending-refused", "stopped", "stopping-refused", "gone-on"} <= set(RECORDED)


def test_every_workflow_type_is_recorded() -> None:
    """No type that workers register is without a history."""
    began = [json.loads((FOLDER / f"{name}.json").read_text())["events"][0] for name in RECORDED]
    attributes = [one["workflowExecutionStartedEventAttributes"] for one in began]
    types = {
        getattr(kind, "__temporal_workflow_definition").name for kind in (*WORKFLOWS, *PLANNING)
    }

    assert {one["workflowType"]["name"] for one in attributes} == types
