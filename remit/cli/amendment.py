"""`remit amend`: change steps of a run that have not begun."""

import asyncio
from pathlib import Path

from remit.canonical import JSON, JSONObject
from remit.cli.compiling import findings_of, near, read_plan_file
from remit.cli.connecting import connected
from remit.cli.errors import CliError, ExitCode, usage
from remit.cli.keys import speaker
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.cli.run import link_of
from remit.cli.stack import stack
from remit.cli.stack.environment import StackEnvironment
from remit.client.amending import propose
from remit.client.snapshot import ask
from remit.client.submission import handle_of
from remit.diagnostic import InvalidDocumentError


def amend(
    workflow_id: str,
    file: str,
    project: Path | None,
    *,
    by: str | None,
    reason: str | None,
    is_dry: bool,
    as_json: bool,
) -> int:
    """Propose what `file` holds, options laid over it, and print what the run changed."""
    stated: JSONObject = {"by": by, "reason": reason, "dry": is_dry or None}
    proposal = _read(file) | {name: value for name, value in stated.items() if value is not None}
    for name, option in (("by", "--by NAME"), ("reason", "--reason TEXT")):
        if not proposal.get(name):
            hint = f"give {option}, or write {name!r} into the file"
            raise usage("CLI-AMEND", f"the proposal does not state {name!r}", hint)
    environment = stack.environment(find_project(project, near=near(file)))
    return asyncio.run(_amend(workflow_id, proposal, environment, as_json=as_json))


def _read(file: str) -> JSONObject:
    try:
        read: JSON = read_plan_file(file)
    except InvalidDocumentError as error:
        raise CliError(findings_of(error.diagnostics), ExitCode.FINDINGS) from error
    if not isinstance(read, dict):
        hint = 'write {"steps": [step, …], "drop": [id, …]}'
        raise usage("CLI-AMEND", f"{file} holds no proposal", hint)
    return read


async def _amend(
    workflow_id: str, proposal: JSONObject, environment: StackEnvironment, *, as_json: bool
) -> int:
    client = await connected(environment)
    handle = handle_of(client, workflow_id)
    signer = speaker(str(proposal["by"]), None).signer(environment.temporal_namespace)
    changed = await propose(handle, proposal, signer=signer)
    plan = await ask(handle, "plan")
    told = plan if isinstance(plan, dict) else {}
    link = link_of(environment, workflow_id)
    names = ("plan_digest", "compiled", "amendments")
    document = {
        "ok": True,
        "workflow_id": workflow_id,
        "dry": proposal.get("dry") is True,
        "changed": changed,
        "plan": {name: told.get(name) for name in names},
        "web_ui": link,
    }
    in_force = f"  in force: {told.get('plan_digest', 'see the query `plan`')}"
    answer(document, [f"{workflow_id}  {changed}", in_force, f"  {link}"], as_json=as_json)
    return ExitCode.OK
