"""Pages about one thing: a gate's card, and a run."""

import json
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from remit.canonical import JSONObject
from remit.console.card import Card
from remit.console.forms import Form
from remit.console.inbox import Item, item_of
from remit.console.needs import Needs, needs_of
from remit.console.office import Office, office_of, viewer_of
from remit.console.plans import lights_of
from remit.console.standing import stand_of
from remit.console.viewing import Viewer
from remit.console.words import ORDERS, VERDICTS
from remit.evidence.story import Story, tell
from remit.ledger.entries import GateRow, RunRow

_MOST_RECORDS = 5000
_BATCH = 1000


async def card(request: Request) -> Response:
    """Show everything that a decision needs."""
    found = await card_of(request)
    done = request.query_params.get("done", "")
    return show_card(request, found, done=done if done in VERDICTS else "")


async def card_of(request: Request) -> Card:
    """Return the card that a request is about.

    Raises:
        HTTPException: there is none, or none for whoever asks.
    """
    office, given = office_of(request), request.path_params
    gate = f"{given['path']}#{given['number']}"
    found = await office.cards.read(given["root"], gate, viewer_of(request), office.clock())
    if found is None:
        raise HTTPException(404)
    return found


def show_card(
    request: Request,
    found: Card,
    status: int = 200,
    *,
    done: str = "",
    refusal: tuple[str, str, str] | None = None,
    filled: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    verb: str = "",
) -> Response:
    """Return a card's page.

    Args:
        request: what is answered.
        found: the card.
        status: of the answer.
        done: what was just done, by its verb.
        refusal: code, message and hint of what was just refused.
        filled: what had been filled in, to be seen again.
        wrong: what is wrong with it, by field.
        verb: which of the forms it was.
    """
    office = office_of(request)
    return office.page(
        request,
        "card.html",
        status,
        card=found,
        item=found.item,
        done=done,
        refusal=refusal,
        filled=filled or {},
        wrong=wrong or {},
        verb=verb,
        event=secrets.token_urlsafe(18),
        commands=_commands(found.gate, found.run, viewer_of(request)),
        temporal=temporal_link(office, found.run),
    )


@dataclass(frozen=True, slots=True)
class RunPage:
    """A run as its page shows it."""

    run: RunRow
    needs: Needs
    values: Mapping[str, object]


async def run(request: Request) -> Response:
    """Show a run: its graph, what it waits for, what was done and why."""
    done = request.query_params.get("done", "")
    return show_run(request, await run_page(request), done=done if done in ORDERS else "")


async def run_page(request: Request) -> RunPage:
    """Return what a run's page shows.

    Raises:
        HTTPException: there is no such run, or none for whoever asks.
    """
    office, viewer = office_of(request), viewer_of(request)
    root = request.path_params["root"]
    found = await office.ledger.run(root)
    if found is None or not viewer.sees(found.tenant):
        raise HTTPException(404)
    story = tell(root, await _records(office, root))
    plan = await office.plans.at(root, "")
    gates = await office.ledger.gates(root)
    actions = await office.ledger.begun(root, "")
    drawing = ""
    if plan is not None:
        drawing = await office.plans.drawing(plan, lights_of(plan, "", actions, gates))
    admission = await office.ledger.admission(root, "")
    compiled = admission.compiled if admission else ""
    values: dict[str, object] = {
        "plan": plan,
        "story": story,
        "drawing": drawing,
        "waits": await _waits(office, viewer, found, gates),
        "gates": gates,
        "totals": await office.ledger.totals(root),
        "reasons": {step.id: step.reason for step in plan.steps} if plan else {},
        "commands": _run_commands(found, story),
        "temporal": temporal_link(office, found),
        "is_cut": story.records >= _MOST_RECORDS,
    }
    return RunPage(found, await needs_of(office.temporal, found, actions, compiled), values)


def show_run(
    request: Request,
    found: RunPage,
    status: int = 200,
    *,
    done: str = "",
    refusal: tuple[str, str, str] | None = None,
    said: Form | None = None,
    wrong: Mapping[str, str] | None = None,
) -> Response:
    """Return a run's page.

    Args:
        request: what is answered.
        found: what it shows.
        status: of the answer.
        done: the order that was just taken.
        refusal: code, message and hint of what was just refused.
        said: what had been filled in, to be seen again.
        wrong: what is wrong with it, by field.
    """
    return office_of(request).page(
        request,
        "run.html",
        status,
        run=found.run,
        needs=found.needs,
        done=done,
        refusal=refusal,
        filled=said.below("") if said else {},
        wrong=wrong or {},
        event=secrets.token_urlsafe(18),
        **found.values,
    )


def temporal_link(office: Office, run: RunRow) -> str:
    """Return a run's address in Temporal's web UI; empty where none is known."""
    base = office.settings.temporal_ui.rstrip("/")
    if not base.startswith(("http://", "https://")):
        return ""
    namespace = quote(office.settings.temporal_namespace, safe="")
    return f"{base}/namespaces/{namespace}/workflows/{quote(run.workflow_id, safe='')}"


async def _waits(
    office: Office, viewer: Viewer, run: RunRow, gates: Sequence[GateRow]
) -> list[Item]:
    now_ms = office.clock()
    waits = []
    for gate in gates:
        if gate.state == "open":
            votes = await office.ledger.votes(gate.id, gate.root)
            waits.append(item_of(gate, run, stand_of(gate, votes, now_ms), viewer))
    return [item for item in waits if item.stand.is_open]


async def _records(office: Office, root: str) -> list[tuple[JSONObject, str]]:
    found: list[tuple[JSONObject, str]] = []
    while len(found) < _MOST_RECORDS:
        page = await office.ledger.records(root, after=len(found), limit=_BATCH)
        found += [(record, str(record["hash"])) for record in page]
        if len(page) < _BATCH:
            break
    return found


def _commands(gate: GateRow, run: RunRow, viewer: Viewer) -> list[tuple[str, str]]:
    """Return what to type in place of the buttons, each with what it does."""
    step = gate.id.rpartition("#")[0]
    body: JSONObject = {"step": step, "digest": gate.proposed_digest, "by": viewer.name}
    return [
        ("Approve", _update(run, "approve", body)),
        ("Reject", _update(run, "reject", {**body, "comment": "why"})),
    ]


def _update(run: RunRow, name: str, body: JSONObject) -> str:
    written = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    workflow, given = shlex.quote(run.workflow_id), shlex.quote(written)
    return (
        f"temporal workflow update execute --workflow-id {workflow} --name {name} --input {given}"
    )


def _run_commands(run: RunRow, story: Story) -> list[tuple[str, str]]:
    name = shlex.quote(run.workflow_id)
    told = [("Explain the run", f"remit explain {name}")]
    if not run.closed:
        told += [
            (
                "Begin nothing more",
                f"temporal workflow update execute --workflow-id {name} "
                '--name hold --input \'{"by":"YOU","reason":"WHY"}\'',
            ),
            ("Stop and undo it", f"remit rollback {name} --by YOU --reason WHY"),
        ]
    told.append(("Keep the evidence", f"remit evidence export {name} -o run.zip"))
    told.append(("Check the evidence", "remit evidence verify run.zip --key log.pub"))
    return told
