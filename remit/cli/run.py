"""`remit run`: start a plan on the project's stack, once, and follow it to its end."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from temporalio.client import Interceptor

from remit.canonical import JSONObject
from remit.cli.connecting import connected
from remit.cli.errors import ExitCode, usage
from remit.cli.inputs import read_inputs
from remit.cli.keys import Speaker
from remit.cli.live import view
from remit.cli.output import Document, answer, note
from remit.cli.stack import stack
from remit.cli.stack.environment import StackEnvironment
from remit.cli.stack.status import web_ui
from remit.cli.starting import Prepared, prepare
from remit.cli.telling import ending
from remit.client.following import follow
from remit.client.outcome import Outcome, outcome
from remit.client.snapshot import describe
from remit.client.submission import (
    DOCUMENT,
    Handle,
    Looks,
    digest_of,
    submit,
    workflow_id_of,
)
from remit.client.tracing import ENDPOINT, tracing
from remit.plan.outline import outline

INTERRUPTED = 130
"""Exit code after Ctrl-C; the run goes on."""


def run(
    name: str,
    inputs: Sequence[str],
    workflow_id: str | None,
    project: Path | None,
    who: Speaker | None = None,
    *,
    follows: bool,
    as_json: bool,
) -> int:
    """Start what `name` names and print how it goes; `who` proves to have started it."""
    prepared = prepare(name, read_inputs(inputs), project)
    environment = stack.environment(prepared.folder)
    chosen = workflow_id or workflow_id_of(prepared.compilation.document)
    try:
        with tracing(os.environ.get(ENDPOINT, ""), "remit-cli") as interceptors:
            started_by = _submission(who, prepared, environment)
            working = _run(
                prepared,
                environment,
                chosen,
                interceptors,
                started_by,
                follows=follows,
                as_json=as_json,
            )
            return asyncio.run(working)
    except KeyboardInterrupt:
        note(f"the run goes on; `remit explain '{chosen}'` tells how it stands")
        return INTERRUPTED


def _submission(
    who: Speaker | None, prepared: Prepared, environment: StackEnvironment
) -> JSONObject | None:
    signer = who.signer(environment.temporal_namespace) if who else None
    if who is None or signer is None:
        return None
    return signer.start(who.person, digest_of(prepared.document))


def link_of(environment: StackEnvironment, workflow_id: str) -> str:
    """Return the run's address in Temporal's web UI."""
    return f"{web_ui(environment)}/{quote(workflow_id, safe='')}"


async def _run(
    prepared: Prepared,
    environment: StackEnvironment,
    workflow_id: str,
    interceptors: Sequence[Interceptor],
    submission: JSONObject | None,
    *,
    follows: bool,
    as_json: bool,
) -> int:
    client = await connected(environment, interceptors)
    plan = prepared.plan
    handle = await submit(
        client,
        prepared.document,
        workflow_id=workflow_id,
        queue=environment.task_queue,
        looks=Looks(f"{plan.name} {plan.version}: {' '.join(plan.goal.split())}", outline(plan)),
        submission=submission,
    )
    link = link_of(environment, handle.id)
    if not handle.is_new:
        await _refuse_another(handle, prepared)
        note(
            f"{handle.id} was started before; this is that run, nothing was started again "
            "(`--id NAME` starts it once more)"
        )
    if not follows:
        started = "started" if handle.is_new else "started before"
        lines = [f"{handle.id}  {started}", f"  {link}"]
        answer(_document(handle, link, None), lines, as_json=as_json)
        return ExitCode.OK
    with view(f"{plan.name} {plan.version}", link, to_stderr=as_json) as shown:
        async for snapshot in follow(handle):
            shown.show(snapshot)
    end = await outcome(handle)
    answer(_document(handle, link, end), ending(end, link), as_json=as_json)
    return ExitCode.OK if end.is_complete else ExitCode.FINDINGS


async def _refuse_another(handle: Handle, prepared: Prepared) -> None:
    """Refuse to show somebody else's run as the one that was asked for."""
    memo = await (await describe(handle)).memo()
    if memo.get(DOCUMENT, "") not in ("", digest_of(prepared.document)):
        raise usage(
            "RUN-ID-TAKEN",
            f"{handle.id!r} is the run of another plan, or of other inputs; nothing was started",
            "choose another --id, or leave it out",
        )


def _document(handle: Handle, link: str, end: Outcome | None) -> Document:
    return {
        "ok": end is None or end.is_complete,
        "workflow_id": handle.id,
        "started": handle.is_new,
        "web_ui": link,
        "outcome": end.model_dump(mode="json") if end else None,
    }
