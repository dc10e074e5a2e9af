"""A real worker inside the test's own process, on a queue of its own, beside a running stack."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from temporalio.client import Client

from activities.planning import Shop
from activities.tools.registry import Tools
from proposing.activity import Planning, Proposing
from remit.canonical import Digest
from remit.enforcement.planners import Terms
from remit.plan.library import Library
from remit.plan.planner import Planner
from remit.stores.project import Project, load_project
from tests.running import Running
from workers.builder import Role, build_worker
from workers.fleet import enforcement, opened
from workers.planner import registry
from workers.settings import WorkerSettings


@asynccontextmanager
async def planning(
    lab: Running, client: Client, settings: WorkerSettings, planner: Planner, terms: Terms
) -> AsyncIterator[None]:
    """Ask `planner` on `settings.plan_queue` until the block ends."""
    project = load_project(lab.project)
    shop = Shop(project.catalogue, Library(project.library_documents))

    async with (
        opened(settings) as ledger,
        enforcement(settings, ledger, project.catalogue.digests) as point,
    ):
        found = Planning(
            planner=planner,
            terms=terms,
            deadline_s=20,
            max_bytes=100_000,
            catalogue=shop.catalogue,
            library=shop.library,
            queue=None,
            registered=registry(lab.project, ledger),
        )
        worker = build_worker(
            *(client, settings, point),
            roles=["plan"],
            shop=shop,
            tools=None,
            queue=settings.plan_queue,
            planner=Proposing(point, found),
        )
        async with worker:
            yield


_ROLES: tuple[Role, ...] = ("orchestrate", "tools")


@asynccontextmanager
async def working(
    lab: Running,
    client: Client,
    settings: WorkerSettings,
    *,
    digests: Mapping[str, Digest] | None = None,
    tools: Callable[[Project], Tools] = Tools.of,
) -> AsyncIterator[None]:
    """Work on `settings.task_queue` until the block ends.

    The settings must tell where the stack is. `digests` stand in for the catalogue's, `tools` for
    what calls the project's tools.
    """
    project = load_project(lab.project)
    adapters = tools(project)
    shop = Shop(project.catalogue, Library(project.library_documents))
    known = project.catalogue.digests if digests is None else digests
    queue = settings.task_queue
    async with opened(settings) as ledger, enforcement(settings, ledger, known) as point:
        worker = build_worker(
            client, settings, point, roles=_ROLES, shop=shop, tools=adapters, queue=queue
        )
        async with worker:
            yield
    await adapters.aclose()
