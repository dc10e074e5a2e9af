"""A worker process: connects, proves that it can decide, works, drains.

It takes no task until OPA gave a known deny and a known allow, the ledger answers, and the search
attributes are registered (an unregistered one would hang every run).
"""

import asyncio
import contextlib
import gc
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.runtime import Runtime
from temporalio.worker import Worker

from activities.planning import Shop
from activities.tools.outside import proxy_of
from activities.tools.registry import Tools
from activities.tools.tunnel import Proxy
from proposing.activity import Proposing
from remit.canonical import Digest
from remit.cli.stack.ports import choose
from remit.client.errors import ClientCode, ClientError
from remit.decision.canary import Canary
from remit.enforcement import faultpoints
from remit.enforcement.bounds import Limits, LimitsError, load_limits
from remit.enforcement.canary import Canaries
from remit.enforcement.contact import CONTACT_FILE
from remit.enforcement.detecting import Detecting
from remit.enforcement.frame import Place
from remit.enforcement.freshness import Bounds, Freshness
from remit.enforcement.identity import Identity
from remit.enforcement.opa import OpaClient
from remit.enforcement.point import EnforcementPoint
from remit.enforcement.presidio import DataError, load_reader
from remit.enforcement.shadow import Shadow
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.plan.library import Library
from remit.secrets.errors import SecretError
from remit.stores.artifact_folder import ArtifactFolder, default_folder
from remit.stores.canaries import CanaryStore
from remit.stores.ledger import SqlLedger, open_ledger
from remit.stores.project import Project, load_project
from remit.stores.releases import ReleaseStore
from remit.stores.shadow import BEARER, CANARY_SOCKET, SOCKET
from remit.stores.vault import VARIABLE as CONTENT_KEYS
from remit.stores.vault import load_vault
from workers.builder import Role, build_worker, connect
from workers.settings import WorkerSettings
from workers.telemetry import runtime, serve_metrics

ROLES = ("orchestrate", "tools", "plan", "keeper")
_CALLING = ("orchestrate", "tools")
"""Roles whose processes hold what calls tools; a planner's has none in its reach."""
SEARCH_ATTRIBUTES = {
    "RemitPlan": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "RemitStatus": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "RemitAgent": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "RemitTenant": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "RemitOwner": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "RemitRisk": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "RemitAwaits": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}

_log = structlog.get_logger("workers")


class NotReadyError(Exception):
    """The process cannot work as it stands; the message says what to do."""


def now_ms() -> int:
    """Return milliseconds of Unix time."""
    return time.time_ns() // 1_000_000


async def run_fleet(
    settings: WorkerSettings, roles: Sequence[str], interceptors: Sequence[ClientInterceptor] = ()
) -> int:
    """Work in `roles` until SIGTERM or SIGINT; return the exit code.

    `interceptors` see what the process's client and workers do.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        if settings.fault_points is not None:
            _arm(settings, settings.fault_points)
        async with AsyncExitStack() as stack:
            await _work(settings, roles, interceptors, stack, stop)
    except NotReadyError as error:
        _log.error("not ready", reason=str(error))
        return 1
    _log.info("drained")
    return 0


def _arm(settings: WorkerSettings, folder: Path) -> None:
    try:
        faultpoints.arm(folder, profile=settings.profile, environment=settings.environment)
    except faultpoints.FaultPointsRefusedError as error:
        raise NotReadyError(str(error)) from error
    _log.warning("fault points are armed", folder=str(folder))


async def _work(
    settings: WorkerSettings,
    roles: Sequence[str],
    interceptors: Sequence[ClientInterceptor],
    stack: AsyncExitStack,
    stop: asyncio.Event,
) -> None:
    sdk_port = choose(()) if settings.metrics_port else 0
    client = await connected(settings, runtime(roles[0], sdk_port), interceptors)
    await require_search_attributes(client)
    project = load_project(settings.project)
    tools = project.catalogue.digests
    ledger = await stack.enter_async_context(opened(settings))
    point = await stack.enter_async_context(enforcement(settings, ledger, tools))
    for worker in await _workers(settings, roles, project, client, point, stack):
        await stack.enter_async_context(worker)
    if settings.metrics_port:
        serve_metrics(settings.metrics_port, sdk_port)
    # A full collection would look through all that stands by now, and answer nothing meanwhile.
    gc.freeze()
    _log.info("ready", roles=list(roles), queue=settings.task_queue)
    if "keeper" in roles:
        # What reads policies, notifies and seals is the keeper's alone: others start without it.
        from workers.keeping import keep

        await keep(settings, client, ledger, artifacts_of(settings), stop, now_ms)
    await stop.wait()


async def connected(
    settings: WorkerSettings, used: Runtime, interceptors: Sequence[ClientInterceptor]
) -> Client:
    """Return a client of a server that may still be starting.

    Raises:
        NotReadyError: nobody answers in time, or what is stated of the connection is unfit.
    """
    until = time.monotonic() + settings.ready_timeout_s
    while True:
        try:
            return await connect(settings, used, interceptors)
        except ClientError as error:
            if error.diagnostic.code != ClientCode.UNREACHABLE or time.monotonic() > until:
                raise NotReadyError(str(error)) from error
            await asyncio.sleep(0.5)


@asynccontextmanager
async def opened(settings: WorkerSettings) -> AsyncIterator[SqlLedger]:
    """Open the ledger: once in a process, so that it has one writer and one cache."""
    try:
        ledger = await open_ledger(settings.ledger_url)
    except (LedgerError, LedgerUnavailableError) as error:
        raise NotReadyError(str(error)) from error
    try:
        yield ledger
    finally:
        await ledger.close()


@asynccontextmanager
async def enforcement(
    settings: WorkerSettings, ledger: SqlLedger, tools: Mapping[str, Digest]
) -> AsyncIterator[EnforcementPoint]:
    """Open OPA, and give the enforcement point that joins it and `ledger` for `tools`."""
    token = settings.opa_token_file.read_text().strip() if settings.opa_token_file else ""
    async with OpaClient(
        settings.opa_socket, token=token, deadline_s=settings.opa_deadline_s
    ) as opa:
        await _decides(opa, settings.ready_timeout_s)
        place = Place(settings.environment, settings.profile, settings.region)
        async with (
            reading(settings) as detecting,
            watched(settings, opa, ledger.releases) as freshness,
            shadowed(settings) as shadow,
            tried(settings, ledger.canaries) as canary,
        ):
            identity = Identity(settings.identity, settings.temporal_namespace, now_ms)
            yield EnforcementPoint(
                ledger,
                opa,
                place,
                now_ms,
                tools,
                freshness=freshness,
                shadow=shadow,
                identity=identity,
                canary=canary,
                limits=_limits(settings),
                detecting=detecting,
            )


def _limits(settings: WorkerSettings) -> Limits:
    try:
        return load_limits(settings.project)
    except LimitsError as error:
        raise NotReadyError(str(error)) from error


@asynccontextmanager
async def reading(settings: WorkerSettings) -> AsyncIterator[Detecting]:
    """Have data looked through as the project says for as long as the block lasts."""
    try:
        reader = load_reader(settings.project)
    except DataError as error:
        raise NotReadyError(str(error)) from error
    if reader is None:
        yield Detecting()
        return
    async with contextlib.aclosing(reader):
        await reader.load()
        yield Detecting(reader)


@asynccontextmanager
async def watched(
    settings: WorkerSettings, opa: OpaClient, releases: ReleaseStore
) -> AsyncIterator[Freshness]:
    """Watch how old OPA's policies are for as long as the block lasts."""
    token = settings.opa_token_file
    seconds = (
        settings.policy_age_s,
        settings.policy_behind_s,
        settings.policy_low_age_s,
        settings.policy_low_behind_s,
    )
    bounds = Bounds(*(int(each * 1000) for each in seconds))
    kept = settings.opa_contact or (token and token.with_name(CONTACT_FILE))
    freshness = Freshness(opa, releases, now_ms, bounds=bounds, kept=kept)
    await freshness.look()
    watching = asyncio.create_task(freshness.run())
    try:
        yield freshness
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


@asynccontextmanager
async def shadowed(settings: WorkerSettings) -> AsyncIterator[Shadow | None]:
    """Follow which candidate stands in the shadow for as long as the block lasts."""
    if settings.shadow is None:
        yield None
        return
    shadow = Shadow(settings.shadow, settings.opa_socket.with_name(SOCKET), now_ms)
    following = asyncio.create_task(shadow.run())
    try:
        yield shadow
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following


@asynccontextmanager
async def tried(settings: WorkerSettings, store: CanaryStore) -> AsyncIterator[Canaries]:
    """Follow which canary decides for as long as the block lasts."""
    folder = settings.canary

    def opening(_: Canary) -> OpaClient:
        # One without a token is asked all the same: what it refuses is counted, and so ends it.
        file = folder / BEARER if folder else None
        token = file.read_text(encoding="ascii").strip() if file and file.is_file() else ""
        socket = settings.opa_socket.with_name(CANARY_SOCKET)
        return OpaClient(socket, token=token, deadline_s=settings.opa_deadline_s)

    canaries = Canaries(store, opening, now_ms)
    following = asyncio.create_task(canaries.run())
    try:
        yield canaries
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following


async def _decides(opa: OpaClient, timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while problem := await opa.ready():
        if time.monotonic() > until:
            raise NotReadyError(f"OPA cannot be relied on: {problem}")
        await asyncio.sleep(0.25)


def _proxy(settings: WorkerSettings, folder: Path) -> Proxy | None:
    try:
        return proxy_of(settings.egress_proxy, os.environ, folder)
    except (ValueError, SecretError) as error:
        raise NotReadyError(f"REMIT_EGRESS_PROXY cannot be used: {error}") from error


def artifacts_of(settings: WorkerSettings) -> ArtifactFolder:
    """Return the artifacts that the fleet shares, sealed as the ledger's contents are."""
    try:
        vault = load_vault(os.environ.get(CONTENT_KEYS, ""), os.environ)
    except LedgerError as error:
        raise NotReadyError(str(error)) from error
    return ArtifactFolder(settings.artifacts or default_folder(settings.project), vault)


async def _workers(
    settings: WorkerSettings,
    roles: Sequence[str],
    project: Project,
    client: Client,
    point: EnforcementPoint,
    stack: AsyncExitStack,
) -> list[Worker]:
    shop = Shop(project.catalogue, Library(project.library_documents), settings.tools_queue or None)
    tools = None
    if any(role.partition(":")[0] in _CALLING for role in roles):
        tools = Tools.of(project, _proxy(settings, project.folder), artifacts_of(settings))
        stack.push_async_callback(tools.aclose)
    workers: list[Worker] = []
    joined: list[Role] = []
    if "orchestrate" in roles:
        joined.append("orchestrate")
    if "tools" in roles:
        joined.append("tools")
    if joined:
        own_queue = settings.task_queue if "orchestrate" in roles else settings.tools_queue
        workers.append(
            build_worker(
                client,
                settings,
                point,
                roles=joined,
                shop=shop,
                tools=tools,
                queue=own_queue or settings.task_queue,
            )
        )
    for role in roles:
        kind, _, queue = role.partition(":")
        if kind == "tools" and queue:
            workers.append(
                build_worker(
                    client, settings, point, roles=["tools"], shop=shop, tools=tools, queue=queue
                )
            )
        if kind == "plan":
            workers.append(_planners(settings, client, point, shop, queue or settings.plan_queue))
    return workers


def _planners(
    settings: WorkerSettings, client: Client, point: EnforcementPoint, shop: Shop, queue: str
) -> Worker:
    # What reads policies and runs a project's planner is this role's alone.
    from workers.planner import PlannerMissingError, planning

    try:
        found = planning(settings.project, point.ledger, shop)
    except PlannerMissingError as error:
        raise NotReadyError(str(error)) from error
    planner = Proposing(point, found)
    return build_worker(
        *(client, settings, point),
        roles=["plan"],
        shop=shop,
        tools=None,
        queue=queue,
        planner=planner,
    )


async def require_search_attributes(client: Client) -> None:
    """Refuse to work when a search attribute is missing, and say how to add it."""
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = [
        name
        for name, kind in SEARCH_ATTRIBUTES.items()
        if answer.custom_attributes.get(name) != kind
    ]
    if missing:
        names = " ".join(
            f"--name {name} --type {'KeywordList' if name == 'RemitAwaits' else 'Keyword'}"
            for name in missing
        )
        raise NotReadyError(
            f"search attributes are missing: temporal operator search-attribute create {names}"
        )
