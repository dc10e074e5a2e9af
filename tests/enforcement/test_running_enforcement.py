"""Enforcement on the real stack: nothing unknown runs, and policy changes reach running workers."""

import uuid
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from remit.canonical import JSON, JSONObject, digest
from remit.cli.stack import stack
from remit.enforcement.frame import Frame
from remit.enforcement.point import EnforcementPoint
from remit.plan.wire import StepCall
from remit.stores.project import load_project
from remit.tool.call import ToolAnswer, ToolCall
from tests.in_process import working
from tests.running import Running, ended, plan, start, waits
from tests.waiting import eventually
from workers.fleet import enforcement, now_ms, opened
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(180)]

BOSS = "boss@lab.example"


@pytest.fixture
async def point(lab: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EnforcementPoint]:
    """An enforcement point of this process on the stack's OPA and ledger."""
    lab.up()
    for name, value in stack.environment(lab.project).variables().items():
        monkeypatch.setenv(name, value)
    settings, known = WorkerSettings(), load_project(lab.project).catalogue.digests
    async with opened(settings) as ledger, enforcement(settings, ledger, known) as made:
        yield made


def frame(activity_type: str, workflow_type: str = "ExecutePlan") -> Frame:
    """Return where a call claims to come from."""
    return Frame(
        "w", "r", workflow_type, activity_type, 1, now_ms(), uuid.uuid4().hex, "orchestrate"
    )


async def never(call: ToolCall) -> ToolAnswer:
    """A tool that must not be called."""
    raise AssertionError(f"{call.contract.ref} was called")


@pytest.mark.parametrize(
    ("name", "workflow_type"),
    [
        ("remit.new_activity", "ExecutePlan"),
        ("send_money", "ExecutePlan"),
        ("remit.admit", "Rogue"),
    ],
)
async def test_activity_without_a_policy_is_denied(
    point: EnforcementPoint, name: str, workflow_type: str
) -> None:
    """An activity that no policy names, or that the wrong workflow asks for, does not run."""
    with pytest.raises(ApplicationError) as denied:
        await point.system(frame(name, workflow_type), "")

    assert denied.value.type == "PolicyDenied"
    assert denied.value.non_retryable


async def test_call_without_an_admission_is_refused(point: EnforcementPoint) -> None:
    """A step call that names a run nobody admitted reaches no tool."""
    forged = StepCall(root=uuid.uuid4().hex, compiled="sha256:" + "0" * 64, step="a")

    with pytest.raises(ApplicationError) as refused:
        await point.call(forged, frame("lab.put@1"), never)

    assert refused.value.type == "StepRefused"
    assert "ADMISSION-ABSENT" in str(refused.value)


async def test_tool_of_another_step_is_refused(
    lab: Running, lab_client: Client, point: EnforcementPoint
) -> None:
    """An admitted step is only called under its own tool's name."""
    tag = f"e{uuid.uuid4().hex[:8]}"
    gate: JSONObject = {"role": "operator", "expires": "PT1H"}
    steps: list[JSON] = [{"id": "a", "tool": "lab.put@1", "args": {"name": tag}, "approval": gate}]
    handle = await start(lab_client, plan("mismatch", steps))
    await waits(handle)
    compiled = (await handle.query("plan"))["compiled"]
    root = handle.first_execution_run_id or ""
    call = StepCall(root=root, compiled=compiled, step="a")

    with pytest.raises(ApplicationError) as refused:
        await point.call(call, frame("lab.burn@1"), never)

    assert "ACTIVITY-MISMATCH" in str(refused.value)
    await handle.cancel()
    await ended(handle)


@pytest.mark.usefixtures("point")
async def test_tool_that_drifted_is_refused_and_undone_as_it_was(
    lab: Running, lab_client: Client
) -> None:
    """A contract that changed while a run waited is not called; earlier steps are still undone."""
    tag = f"e{uuid.uuid4().hex[:8]}"
    gate: JSONObject = {"role": "operator", "expires": "PT1H"}
    steps: list[JSON] = [
        {"id": "a", "tool": "lab.put@1", "args": {"name": f"free{tag}"}},
        {"id": "b", "tool": "lab.put@1", "needs": ["a"], "args": {"name": tag}, "approval": gate},
    ]
    settings = WorkerSettings(task_queue=f"drift-{tag}")
    async with working(lab, lab_client, settings):
        handle = await lab_client.start_workflow(
            "ExecutePlan", plan("drifted", steps), id=tag, task_queue=settings.task_queue
        )
        wait = (await waits(handle))[0]

    today = load_project(lab.project).catalogue.digests
    tomorrow = {**today, "lab.put@1": digest("another contract")}
    async with working(lab, lab_client, settings, digests=tomorrow):
        await handle.signal("approve", {"step": "b", "digest": wait["digest"], "by": BOSS})
        outcome = await ended(handle)

    assert (outcome["status"], outcome["code"], outcome["step"]) == ("failed", "TOOL-DRIFTED", "b")
    assert lab.effects(tag) == []
    assert lab.effects(f"free{tag}") == [f"put free{tag}", f"drop free{tag}"]


async def test_policy_edit_changes_the_next_decision_without_a_restart(
    lab: Running, lab_client: Client
) -> None:
    """A rule added while a run waits denies the approved step; no process is restarted."""
    tag = f"e{uuid.uuid4().hex[:8]}"
    gate: JSONObject = {"role": "operator", "expires": "PT1H"}
    steps: list[JSON] = [
        {"id": "a", "tool": "lab.put@1", "args": {"name": f"free{tag}"}},
        {"id": "b", "tool": "lab.put@1", "needs": ["a"], "args": {"name": tag}, "approval": gate},
    ]
    handle = await start(lab_client, plan("tightened", steps))
    wait = (await waits(handle))[0]
    worker = lab.pid("workers")
    rule = lab.project / "policies" / "domains" / "lab" / "tighter.rego"
    before = stack.status(lab.project).policy.active_revision
    rule.write_text(
        "package remit.domains.lab.tighter\n\nimport rego.v2\nimport data.remit.lib\n\n"
        'denies contains lib.reason("lab.tighter", "domains.lab.tighter", "not today") if {\n'
        f'\tinput.action.arguments.name == "{tag}"\n}}\n'
    )
    try:

        async def active() -> bool:
            return stack.status(lab.project).policy.active_revision != before

        await eventually(active)
        vote = {"step": "b", "digest": wait["digest"], "by": BOSS}
        await handle.signal("approve", vote)
        outcome = await ended(handle)
    finally:
        rule.unlink()

    assert (outcome["status"], outcome["code"]) == ("refused", "lab.tighter")
    assert lab.effects(tag) == []
    assert lab.effects(f"free{tag}") == [f"put free{tag}", f"drop free{tag}"]
    assert lab.pid("workers") == worker


async def test_waiting_run_survives_an_upgrade(
    lab: Running, lab_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that waits is taken on by workers of another deployment version."""
    tag = f"guarded{uuid.uuid4().hex[:8]}"
    steps: list[JSON] = [{"id": "a", "tool": "lab.put@1", "args": {"name": tag}}]
    handle = await start(lab_client, plan("upgraded", steps))
    wait = (await waits(handle))[0]
    monkeypatch.setenv("REMIT_BUILD_ID", "remit-next")

    lab.restart("workers")

    await handle.signal("approve", {"step": "a", "digest": wait["digest"], "by": BOSS})
    assert (await ended(handle))["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}"]


async def test_agent_without_the_scope_is_denied(lab: Running, lab_client: Client) -> None:
    """An agent that may only read calls no writing tool."""
    tag = f"e{uuid.uuid4().hex[:8]}"
    steps: list[JSON] = [{"id": "a", "tool": "lab.put@1", "args": {"name": tag}}]
    document = plan("scope", steps) | {"agent": "reader@1.0.0"}

    outcome = await ended(await start(lab_client, document))

    assert outcome["status"] == "refused", outcome
    assert lab.effects(tag) == []
