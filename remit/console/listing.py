"""Pages that list: the inbox, runs, agents, tools, policies."""

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from remit.console.inbox import RISKS, Wanted, inbox_of
from remit.console.office import office_of, viewer_of
from remit.diagnostic import InvalidDocumentError
from remit.stores.project import Project, load_project

_PAGE = 50
_RELEASES = 30
_LONGEST = 200


async def inbox(request: Request) -> Response:
    """Show what waits for people."""
    office, viewer = office_of(request), viewer_of(request)
    query = request.query_params
    wanted = Wanted(
        role=query.get("role", "mine" if viewer.roles else "")[:_LONGEST],
        text=query.get("q", "")[:_LONGEST],
        risk=query.get("risk", "")[:_LONGEST],
        order=query.get("order", "due")[:_LONGEST],
    )
    now_ms = office.clock()
    found = inbox_of(await office.store.open(), viewer, wanted, now_ms)
    return office.page(request, "inbox.html", inbox=found, wanted=wanted, risks=RISKS)


async def runs(request: Request) -> Response:
    """Show the latest runs."""
    office, viewer = office_of(request), viewer_of(request)
    text = request.query_params.get("q", "")[:_LONGEST]
    before = request.query_params.get("before", "")
    before_ms = int(before) if before.isdecimal() and len(before) < 16 else 2**62
    found = await office.store.latest(text, _PAGE, before_ms)
    open_gates = await office.store.open()
    waiting: dict[str, int] = {}
    for gate in open_gates.gates:
        waiting[gate.root] = waiting.get(gate.root, 0) + 1
    return office.page(
        request,
        "runs.html",
        runs=[run for run in found if viewer.sees(run.tenant)],
        waiting=waiting,
        text=text,
        older=found[-1].started_ms if len(found) >= _PAGE else 0,
    )


async def agents(request: Request) -> Response:
    """Show which agents may do what, and who may approve."""
    office, viewer = office_of(request), viewer_of(request)
    rules = await office.rules.read()
    known = {
        name: agent
        for name, agent in rules.agents.items()
        if any(viewer.sees(str(tenant)) for tenant in _listed(agent.get("tenants")))
    }
    is_known = not viewer.is_bound or viewer.person is not None
    people = sorted(rules.people.values(), key=lambda one: one.name) if is_known else []
    return office.page(request, "agents.html", agents=known, people=people, rules=rules)


async def tools(request: Request) -> Response:
    """Show which tools plans may name."""
    office, viewer = office_of(request), viewer_of(request)
    folder = office.settings.project
    is_known = not viewer.is_bound or viewer.person is not None
    project, why = (None, "The console was told no project.")
    if folder is not None and is_known:
        project, why = await asyncio.to_thread(_read, folder)
    listed = sorted(project.catalogue, key=lambda one: one.ref) if project else []
    return office.page(request, "tools.html", tools=listed, why=why)


async def policies(request: Request) -> Response:
    """Show which policies decide, and who put them in force."""
    office = office_of(request)
    rules = await office.rules.read()
    releases = await office.ledger.releases.last(_RELEASES)
    return office.page(request, "policies.html", rules=rules, releases=releases)


def _read(folder: Path) -> tuple[Project | None, str]:
    try:
        return load_project(folder), ""
    except InvalidDocumentError as error:
        return None, f"The project's tools cannot be read: {error}"


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
