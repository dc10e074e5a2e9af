"""What an agent may ask of Remit: one method for each tool of the server, JSON in and JSON out.

Owns no protocol. Nothing here votes, orders or approves: agents propose. Every answer is bounded,
and every refusal is a list of diagnostics. A run of another agent does not exist here.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import aclosing, suppress

from temporalio.client import Client
from temporalio.common import SearchAttributeKey

from remit.canonical import JSON
from remit.cli.agents.reading import registered
from remit.cli.compiling import Workshop, findings_of
from remit.cli.connecting import connected
from remit.cli.errors import CliError, ExitCode, Finding, from_library
from remit.cli.mcp.shown import (
    Answer,
    refusals_of,
    refused,
    run_of,
    token_of,
)
from remit.cli.mcp.who import Who
from remit.cli.outlook import Expected
from remit.cli.output import documented
from remit.cli.rehearsal.rehearsing import document_of, rehearse
from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.layout import Layout
from remit.cli.starting import Prepared
from remit.client.errors import ClientCode, ClientError
from remit.client.following import follow
from remit.client.outcome import outcome
from remit.client.snapshot import Snapshot, describe, take_snapshot
from remit.client.submission import Handle, digest_of, handle_of, submit, workflow_id_of
from remit.decision.registry import Agent
from remit.decision.scopes import covers
from remit.plan.compiler import Compilation
from remit.tool.contract import ToolContract
from remit.tool.offered import contract_of, summary_of

MOST_TOOLS = 50
"""Most tools in one answer."""
LONGEST_WAIT_S = 30.0
"""Longest that one question about a run waits, in seconds."""
MOST_AT_ONCE = 16
"""Most questions at a time; further ones are refused, not queued."""
_KNOWN_RUNS = 10_000
_AGENT = SearchAttributeKey.for_keyword("RemitAgent")


class Desk:
    """One agent's way to one project's stack."""

    def __init__(self, workshop: Workshop, environment: StackEnvironment, who: Who) -> None:
        self._workshop = workshop
        self._environment = environment
        self._layout = Layout(environment.project)
        self._who = who
        self._compiling = asyncio.Lock()
        self._client: Client | None = None
        self._runs: dict[str, None] = {}
        """Ids of runs that came through here, the oldest first."""
        self._at_once = 0

    async def ask(self, name: str, given: Mapping[str, JSON]) -> Answer:
        """Answer the question `name`; whatever keeps it from being answered is a diagnostic."""
        if self._at_once >= MOST_AT_ONCE:
            hint = "wait for an answer before the next question"
            return refused([Finding("MCP-BUSY", f"{MOST_AT_ONCE} questions at once", hint)])
        self._at_once += 1
        try:
            answer: Answer = await getattr(self, f"_{name}")(**given)
        except CliError as error:
            return refused(error.findings)
        except Exception as error:
            known = from_library(error)
            if known is None:
                raise
            return refused(known.findings)
        finally:
            self._at_once -= 1
        return answer

    async def _tools(self, after: str, domain: str) -> Answer:
        agent, source = await registered(self._layout, self._who.agent_id)
        found = [one for one in self._covered(agent) if not domain or one.domain == domain]
        rest = [one for one in found if one.ref > after]
        shown = rest[:MOST_TOOLS]
        return {
            "ok": True,
            "agent": self._who.agent,
            "state": agent.status if agent else "unknown",
            "scopes": list(agent.scopes) if agent else [],
            "source": source,
            "tools": [summary_of(one) for one in shown],
            "total": len(found),
            "next_after": shown[-1].ref if len(rest) > len(shown) else None,
        }

    async def _tool(self, ref: str) -> Answer:
        agent, _ = await registered(self._layout, self._who.agent_id)
        covered = {one.ref: one for one in self._covered(agent)}
        if ref not in covered:
            # One code for both: what an agent may not use is none of its business.
            hint = "`list_tools` lists those that this agent may use"
            return refused([Finding("TOOL-UNKNOWN", f"there is no tool {ref[:200]!r} here", hint)])
        return {"ok": True, "tool": contract_of(covered[ref])}

    async def _validate(self, plan: JSON) -> Answer:
        compilation = await self._compiled(plan)
        made = compilation.compiled
        if made is None:
            return _unfit(compilation)
        if strangers := [*self._who.strangers(made)]:
            return refused(findings_of(strangers))
        return {
            "ok": True,
            "plan": f"{made.name}@{made.version}",
            "digest": made.plan_digest,
            "steps": len(made.steps),
            "outlook": Expected.of(made, compilation).document(),
            "warnings": documented(findings_of(compilation.warnings)),
        }

    async def _dry_run(self, plan: JSON) -> Answer:
        prepared = await self._prepared(plan)
        said = await rehearse(prepared, self._environment, with_why=False)
        return {**document_of(prepared, said)}

    async def _submit(self, plan: JSON, request_id: str) -> Answer:
        prepared = await self._prepared(plan)
        document = prepared.document
        chosen = _run_id(document, request_id)
        who, signer = self._who, self._who.signer
        proof = None if signer is None else signer.start(who.person, digest_of(document))
        handle = await submit(
            await self._connected(),
            document,
            workflow_id=chosen,
            queue=self._environment.task_queue,
            submission=proof,
        )
        self._note(handle.id)
        return {
            "ok": True,
            "run_id": handle.id,
            "started": handle.is_new,
            "digest": prepared.plan.plan_digest,
        }

    async def _follow(self, run_id: str, wait_s: float, seen: str) -> Answer:
        handle = await self._own(run_id)
        last = await take_snapshot(handle)
        if wait_s > 0 and not _is_news(last, seen):
            last = await _watched(handle, last, min(wait_s, LONGEST_WAIT_S), seen)
        return run_of(run_id, last, await outcome(handle) if last.is_closed else None)

    async def _refusals(self, run_id: str) -> Answer:
        handle = await self._own(run_id)
        last = await take_snapshot(handle)
        return refusals_of(run_id, last, await outcome(handle) if last.is_closed else None)

    async def _own(self, run_id: str) -> Handle:
        """Return a run of this agent.

        Raises:
            ClientError: `RUN-UNKNOWN`, also for a run of somebody else.
        """
        handle = handle_of(await self._connected(), run_id)
        if run_id in self._runs:
            return handle
        seen = (await describe(handle)).typed_search_attributes
        if not self._who.is_agent(seen.get(_AGENT) or ""):
            hint = "`submit_plan` tells a run's id, and finds the run again when it is called again"
            message = f"this agent has no run {run_id[:300]!r}"
            raise ClientError(ClientCode.RUN_UNKNOWN, message, hint=hint)
        self._note(run_id)
        return handle

    async def _prepared(self, plan: JSON) -> Prepared:
        """Return a plan that may be asked about or started in this agent's name.

        Raises:
            CliError: every finding.
        """
        compilation = await self._compiled(plan)
        if compilation.compiled is None:
            raise CliError(findings_of(compilation.diagnostics), ExitCode.FINDINGS)
        if strangers := [*self._who.strangers(compilation.compiled)]:
            raise CliError(findings_of(strangers), ExitCode.FINDINGS)
        return Prepared(self._layout.project, plan, compilation, compilation.compiled)

    async def _compiled(self, plan: JSON) -> Compilation:
        # One at a time, beside the loop: a large plan must not keep others from their answers.
        async with self._compiling:
            return await asyncio.to_thread(self._workshop.compile, plan)

    def _covered(self, agent: Agent | None) -> list[ToolContract]:
        found = () if agent is None else self._workshop.project.catalogue
        return sorted(
            (one for one in found if agent and covers(agent, one)), key=lambda one: one.ref
        )

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = await connected(self._environment)
        return self._client

    def _note(self, run_id: str) -> None:
        self._runs[run_id] = None
        if len(self._runs) > _KNOWN_RUNS:
            self._runs.pop(next(iter(self._runs)))


async def _watched(handle: Handle, last: Snapshot, wait_s: float, seen: str) -> Snapshot:
    """Return the first snapshot that is news, or the last one when the time is over."""
    async with aclosing(follow(handle)) as watching:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                async for last in watching:
                    if _is_news(last, seen):
                        break
    return last


def _is_news(snapshot: Snapshot, seen: str) -> bool:
    """Say whether it is worth an answer: over, changed since `seen`, or waiting for people."""
    if snapshot.is_closed:
        return True
    return token_of(snapshot) != seen if seen else bool(snapshot.waits)


def _run_id(document: JSON, request_id: str) -> str:
    """Return the id of the run that a request asks for: the same for the same plan and request."""
    named = hashlib.sha256(request_id.encode("utf-8", "backslashreplace")).hexdigest()[:16]
    return f"{workflow_id_of(document)}.{named}"


def _unfit(compilation: Compilation) -> Answer:
    return {
        **refused(findings_of(compilation.diagnostics)),
        "warnings": documented(findings_of(compilation.warnings)),
    }
