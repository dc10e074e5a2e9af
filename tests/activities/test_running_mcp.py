"""An MCP server's tools in plans on the real stack: done once, undone, and never lost."""

import uuid

import pytest
from temporalio.client import Client

from remit.canonical import JSON, JSONObject
from tests.running import Running, ended, plan, put, start

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(180)]


def _shelve(step: str, name: str, *needs: str, **args: JSON) -> JSONObject:
    given: JSONObject = {"name": name, **args}
    return {"id": step, "tool": "lab.shelve@1", "args": given, "needs": [*needs]}


def _fails(step: str, name: str, *needs: str) -> JSONObject:
    return {**put(step, name, *needs), "args": {"name": name, "fail": "refuse"}}


async def test_what_a_server_did_is_undone_by_it(lab: Running, lab_client: Client) -> None:
    """A later step fails; the server is asked to take back what it did, once."""
    tag = uuid.uuid4().hex[:8]
    document = plan("shelving", [_shelve("a", tag), _fails("b", f"{tag}b", "a")])

    outcome = await ended(await start(lab_client, document))

    assert (outcome["status"], outcome["step"], outcome["undone"]) == ("failed", "b", 1)
    assert lab.effects(tag) == [f"shelve {tag}", f"unshelve {tag}"]


async def test_a_server_that_dies_after_the_effect_is_asked_again(
    lab: Running, lab_client: Client
) -> None:
    """The outcome is unknown; the call is repeated with the same key, on a new server."""
    tag = uuid.uuid4().hex[:8]
    document = plan("dying", [_shelve("a", tag, fault="die")])
    handle = await start(lab_client, document)

    outcome = await ended(handle)

    assert outcome["status"] == "completed"
    assert lab.effects(tag) == [f"shelve {tag}"]
    root = str((await handle.describe()).raw_description.workflow_execution_info.first_run_id)
    codes = [body.get("code") for body in lab.records(root, "outcome")]
    assert codes[0] == "TOOL-CONNECTION"


async def test_a_server_that_lies_about_its_answer_is_undone(
    lab: Running, lab_client: Client
) -> None:
    """An answer that breaks its schema is a failure with effect."""
    tag = uuid.uuid4().hex[:8]
    outcome = await ended(await start(lab_client, plan("lying", [_shelve("a", tag, fault="lie")])))

    assert (outcome["status"], outcome["code"]) == ("failed", "OUTPUT-SCHEMA")
    assert lab.effects(tag) == [f"shelve {tag}", f"unshelve {tag}"]
