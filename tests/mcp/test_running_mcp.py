"""`remit mcp` in a process of its own, by a real client over stdio and HTTP, on the lab's stack."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client

from remit.canonical import JSONObject
from remit.cli.compiling import Workshop
from remit.cli.mcp.desk import Desk
from remit.cli.mcp.server import make_server
from remit.cli.mcp.who import Who
from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.cli.stack.ports import choose
from tests.mcp.broken import BROKEN
from tests.mcp.mending import mend
from tests.mcp.test_mcp_desk import asked
from tests.running import ROOT, Running, at_gate, burn, plan, put
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too")]


def command(lab: Running, *more: str) -> list[str]:
    """Return the command line of a server."""
    typed = ["-m", "remit", "mcp", "--agent", "tester", "--tenant", "lab", *more]
    return [*typed, "--on-behalf-of", "asker@lab.example", "--project", str(lab.project)]


def here(lab: Running, agent: str = "tester") -> mcp.Client:
    """Return a client of a server in this very process: a process of its own costs seconds."""
    desk = Desk(
        Workshop.of(lab.project),
        stack.environment(lab.project),
        Who(agent, "lab", "asker@lab.example"),
    )
    return mcp.Client(make_server(desk))


def by_stdio(lab: Running) -> mcp.Client:
    """Return a client that starts a server of its own."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    arguments = command(lab)
    server = mcp.StdioServerParameters(command=sys.executable, args=arguments, env=variables)
    return mcp.Client(server)


async def mended(client: mcp.Client, document: JSONObject) -> JSONObject:
    """Return a valid plan, made of one that is not by what the diagnostics say."""
    for _ in range(5):
        answer = await asked(client, "validate_plan", plan=document)
        if answer["ok"]:
            return document
        document = mend(document, answer["diagnostics"][0])
    raise AssertionError(answer)


async def to_the_end(client: mcp.Client, run_id: str) -> dict[str, Any]:
    """Follow a run until it is over."""
    for _ in range(10):
        answer = await asked(client, "follow_run", run_id=run_id, wait_s=20)
        if answer["is_over"]:
            return answer
    raise AssertionError(answer)


async def test_broken_plans_are_mended_submitted_and_followed(lab: Running, tag: str) -> None:
    """Over stdio: each broken plan is mended by its findings alone, runs once, and completes."""
    async with by_stdio(lab) as client:
        listed = await asked(client, "list_tools")
        assert {"lab.put@1", "lab.drop@1"} <= {tool["ref"] for tool in listed["tools"]}

        async def one(number: int, code: str) -> str:
            text = json.dumps(BROKEN[code]).replace("NAME", f"{tag}{number}")
            document = {**await mended(client, json.loads(text)), "goal": f"mend {code}"}
            first = await asked(client, "submit_plan", plan=document, request_id=tag)
            again = await asked(client, "submit_plan", plan=document, request_id=tag)
            assert (first["started"], again["started"]) == (True, False)
            assert again["run_id"] == first["run_id"]
            return str((await to_the_end(client, first["run_id"]))["outcome"]["status"])

        ended = await asyncio.gather(*(one(*each) for each in enumerate(BROKEN)))

    assert len(ended) >= 10
    assert set(ended) == {"completed"}
    assert len(lab.effects(tag)) == len(set(lab.effects(tag)))


async def test_a_dry_run_says_what_policy_would_say(lab: Running, tag: str) -> None:
    """Allowed, gated and denied calls, with the reasons, and nothing is called."""
    leaving = {"id": "c", "tool": "lab.leave@1", "args": {"name": tag}, "irreversible": True}
    async with here(lab) as client:
        runs = await asked(client, "dry_run_plan", plan=plan("dry", [put("a", tag)]))
        waits = await asked(client, "dry_run_plan", plan=plan("dry", [burn("b", tag)]))
        denied = await asked(client, "dry_run_plan", plan=plan("dry", [leaving]))

    said = [answer["verdict"] for answer in (runs, waits, denied)]
    assert said == ["would_run", "would_wait", "would_be_refused"]
    reasons = [denied["admission"], *(step["decision"] for step in denied["steps"])]
    assert any("lab.leave@1" in reason["message"] for one in reasons for reason in one["reasons"])
    assert lab.effects(tag) == []


async def test_what_waits_for_people_is_told_without_the_way_to_vote(
    lab: Running, tag: str
) -> None:
    """The role and until when, not the command; and another agent does not find the run."""
    async with here(lab) as client, here(lab, agent="reader") as other:
        started = await asked(client, "submit_plan", plan=at_gate(tag), request_id=tag)
        run_id = started["run_id"]
        waiting = await asked(client, "follow_run", run_id=run_id, wait_s=30)
        strange = await asked(other, "follow_run", run_id=run_id, wait_s=0)
        handle = (await lab.client()).get_workflow_handle(run_id)
        await handle.signal("rollback", {"by": "boss@lab.example", "reason": "enough"})
        ended = await to_the_end(client, run_id)
        refusals = await asked(client, "read_refusals", run_id=run_id)

    assert [wait["role"] for wait in waiting["waits"]] == ["operator"]
    assert "signal" not in json.dumps(waiting)
    assert [finding["code"] for finding in strange["diagnostics"]] == ["RUN-UNKNOWN"]
    assert ended["outcome"]["status"] == refusals["status"] == "rolled_back"


async def test_a_refused_run_tells_the_rule(lab: Running, tag: str) -> None:
    """The reader may not write: the run's refusals name the step, the rule's code and why."""
    document = {**plan("denied", [put("a", tag)]), "agent": "reader@1.0.0"}
    async with here(lab, agent="reader") as client:
        listed = await asked(client, "list_tools")
        started = await asked(client, "submit_plan", plan=document, request_id=tag)
        ended = await to_the_end(client, started["run_id"])
        refusals = await asked(client, "read_refusals", run_id=started["run_id"])

    assert {tool["operation"] for tool in listed["tools"]} == {"read"}
    assert ended["outcome"]["status"] == "refused"
    assert refusals["code"] == ended["outcome"]["code"] != ""
    assert refusals["reason"]
    assert lab.effects(tag) == []


@asynccontextmanager
async def served(lab: Running) -> AsyncIterator[str]:
    """Run a server on a port; yield its address."""
    port = choose(())
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command(lab, "--http", str(port)),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        async with httpx2.AsyncClient() as http:

            async def answers() -> bool:
                try:
                    await http.get(f"http://127.0.0.1:{port}/mcp")
                except httpx2.TransportError:
                    return False
                return True

            await eventually(answers)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        await process.wait()


async def test_over_http_only_with_the_token(lab: Running, tag: str) -> None:
    """Without the file's word every request is 401; with it plans are submitted and followed."""
    async with served(lab) as address:
        token = (Layout(lab.project).run / "mcp-tester.token").read_text()
        wrong = [{}, {"authorization": "Bearer x"}, {"authorization": f"Bearer {token}0"}]
        async with httpx2.AsyncClient() as http:
            refused = [await http.post(address, headers=one, json={}) for one in wrong]
        headers = {"authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=40) as http,
            mcp.Client(streamable_http_client(address, http_client=http)) as client,
        ):
            document = plan("over-http", [put("a", f"{tag}a")])
            started = await asked(client, "submit_plan", plan=document, request_id=tag)
            ended = await to_the_end(client, started["run_id"])

    assert [one.status_code for one in refused] == [401, 401, 401]
    assert ended["outcome"]["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}a"]
