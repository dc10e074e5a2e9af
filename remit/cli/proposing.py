"""`remit propose`: have the project's planner write a plan for a goal, and show or start it.

Starting is an act of its own: without `--submit` the plan is printed and nothing runs.
"""

import asyncio
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import JSON, JSONObject
from remit.cli.compiling import findings_of
from remit.cli.errors import CliError, ExitCode, Finding, usage
from remit.cli.inputs import read_inputs
from remit.cli.keys import PERSON, Speaker
from remit.cli.output import Document, answer, note, shown
from remit.cli.place import find_project
from remit.cli.stack import stack
from remit.cli.stack.environment import StackEnvironment
from remit.client.connection import connect
from remit.client.proposing import PREFIX, propose
from remit.client.submission import Handle, digest_of, submit
from remit.diagnostic import InvalidDocumentError
from remit.plan.proposal import read_request
from remit.stores.planner import PlannerTable, load_table

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed."""

    goal: str
    agent: str | None
    person: str | None
    tenant: str | None
    owner: str | None
    inputs: Sequence[str]
    constraints: Sequence[str]
    rounds: int | None
    workflow_id: str | None
    output: Path | None
    submits: bool


def start(wanted: Wanted, project: Path | None, who: Speaker | None, *, as_json: bool) -> int:
    """Have a plan proposed and print what came of it."""
    folder = find_project(project)
    try:
        table = load_table(folder)
        if table is None:
            hint = "name one: `[planner]` in remit.toml, docs/agents.md"
            raise usage("PLANNER-MISSING", f"{str(folder)!r} names no planner", hint)
        request = _request(wanted, table)
        read_request(request, 0)
    except InvalidDocumentError as error:
        raise CliError(findings_of(error.diagnostics), ExitCode.USAGE) from error
    environment = stack.environment(folder)
    chosen = wanted.workflow_id or f"{PREFIX}{request['tenant']}/{uuid.uuid4().hex[:16]}"
    note(f"{chosen}: {table.function} is asked; Ctrl-C leaves it at work")
    try:
        ended, run = asyncio.run(_ask(wanted, request, environment, chosen, who))
    except KeyboardInterrupt:
        note(f"it goes on: temporal workflow result --workflow-id '{chosen}'")
        return INTERRUPTED
    return _tell(wanted, chosen, ended, run, as_json=as_json)


def _request(wanted: Wanted, table: PlannerTable) -> JSONObject:
    stated: dict[str, tuple[str | None, str]] = {
        "agent": (wanted.agent or table.agent, "--agent NAME@VERSION"),
        "on_behalf_of": (wanted.person or os.environ.get(PERSON), "--on-behalf-of NAME"),
        "tenant": (wanted.tenant or table.tenant, "--tenant NAME"),
        "owner": (wanted.owner or table.owner, "--owner NAME"),
    }
    for name, (value, option) in stated.items():
        if value is None:
            hint = f"{option}, or `{name}` in `[planner]` of remit.toml"
            hint = f"{option}, or {PERSON}" if name == "on_behalf_of" else hint
            raise usage("PROPOSAL-WHOM", f"nobody says {name!r}", hint)
    request: JSONObject = {
        "goal": wanted.goal,
        **{name: value for name, (value, _) in stated.items()},
        "inputs": read_inputs(wanted.inputs),
        "constraints": read_inputs(wanted.constraints, "--constraint"),
    }
    return request if wanted.rounds is None else {**request, "rounds": wanted.rounds}


async def _ask(
    wanted: Wanted,
    request: JSONObject,
    environment: StackEnvironment,
    workflow_id: str,
    who: Speaker | None,
) -> tuple[JSONObject, Handle | None]:
    client = await connect(
        environment.temporal_address,
        environment.temporal_namespace,
        keys=environment.payload_keys,
    )
    signer = who.signer(environment.temporal_namespace) if who else None

    def proof(document: JSON) -> JSONObject | None:
        if who is None or signer is None:
            return None
        return signer.start(who.person, digest_of(document))

    ended = await propose(
        client,
        request,
        workflow_id=workflow_id,
        queue=environment.plan_queue,
        submission=proof(request),
    )
    plan = ended.get("plan")
    if plan is None or not wanted.submits:
        return ended, None
    return ended, await submit(client, plan, queue=environment.task_queue, submission=proof(plan))


def _tell(
    wanted: Wanted, workflow_id: str, ended: JSONObject, run: Handle | None, *, as_json: bool
) -> int:
    plan = ended.get("plan")
    is_good = ended["status"] == "proposed"
    text = json.dumps(plan, indent=2, ensure_ascii=False)
    if is_good and wanted.output is not None:
        try:
            wanted.output.write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            message = f"{str(wanted.output)!r}: {error.strerror}"
            raise usage("FILE-UNWRITABLE", message, "name a file in a folder of yours") from error
    document: Document = {
        "ok": is_good,
        "proposal": workflow_id,
        **ended,
        "run": {"workflow_id": run.id, "started": run.is_new} if run else None,
    }
    for line in _words(ended):
        note(line)
    lines = [] if wanted.output is not None or run is not None or not is_good else [text]
    answer(document, [*lines, *([run.id] if run else [])], as_json=as_json)
    return ExitCode.OK if is_good else ExitCode.FINDINGS


def _words(ended: JSONObject) -> list[str]:
    if ended["status"] != "proposed":
        found = ended.get("diagnostics")
        listed = [_finding(one) for one in found] if isinstance(found, list) else []
        return [f"{ended['status']}: {ended['code']}: {ended['reason']}", *shown(listed)]
    verdict = str(ended["verdict"]).replace("_", " ")
    spent = f", cost {int(str(ended['spent_micros'])) / 1e6:,.2f} {ended['currency']}"
    return [
        f"{ended['name']}@{ended['version']} in round {ended['round']} of {ended['rounds']}: "
        f"it {verdict}{spent if ended['spent_micros'] else ''}",
        f"  {ended['digest']}",
    ]


def _finding(one: JSON) -> Finding:
    said = one if isinstance(one, dict) else {}
    code, message, hint, path = (
        str(said.get(name, "")) for name in ("code", "message", "hint", "path")
    )
    return Finding(code, message, hint, path)
