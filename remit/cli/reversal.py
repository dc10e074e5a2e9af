"""`remit rollback`: undo a run, at work or completed, and tell how it ended."""

import asyncio
from pathlib import Path

from remit.cli.connecting import connected
from remit.cli.errors import ExitCode
from remit.cli.keys import speaker
from remit.cli.output import answer, note
from remit.cli.place import find_project
from remit.cli.run import link_of
from remit.cli.stack import stack
from remit.cli.stack.environment import StackEnvironment
from remit.cli.telling import ending
from remit.client.outcome import outcome
from remit.client.reversing import roll_back
from remit.client.submission import handle_of


def rollback(workflow_id: str, by: str, reason: str, project: Path | None, *, as_json: bool) -> int:
    """Order a run back, wait until it is undone, and print the end."""
    environment = stack.environment(find_project(project))
    return asyncio.run(_rollback(workflow_id, by, reason, environment, as_json=as_json))


async def _rollback(
    workflow_id: str, by: str, reason: str, environment: StackEnvironment, *, as_json: bool
) -> int:
    client = await connected(environment)
    undoing = await roll_back(
        client,
        handle_of(client, workflow_id),
        by,
        reason,
        environment.task_queue,
        speaker(by, None).signer(environment.temporal_namespace),
    )
    link = link_of(environment, undoing.id)
    note(f"ordered; {link} shows the undoing, which goes on without you")
    end = await outcome(undoing)
    document = {
        "ok": end.status == "rolled_back",
        "workflow_id": workflow_id,
        "undone_by": undoing.id,
        "outcome": end.model_dump(mode="json"),
        "web_ui": link,
    }
    answer(document, ending(end, link), as_json=as_json)
    return ExitCode.OK if end.status == "rolled_back" else ExitCode.FINDINGS
