"""Tools of kind `sql`: one statement in one transaction, in a thread of its own.

Until COMMIT is sent nothing has happened, so that a failure before it, the deadline too, is a
refusal and may be tried again; a COMMIT without an answer is unknown, and the table of step keys,
written in the same transaction, tells when the call is made again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from time import monotonic

from activities.tools.adapter import Adapter
from activities.tools.extra import of_extra
from activities.tools.outside import Outside
from activities.tools.sql_connections import IDLE_S, Connections, NotBegunError
from activities.tools.sql_place import NoAddressError, PlaceError, place_of
from activities.tools.sql_session import Connect, Failed, Place
from activities.tools.sql_transaction import Job, Progress, told, transact
from activities.tools.sql_values import ArgumentError, bound
from activities.tools.threads import InThread, Returned
from activities.tools.unsent import UNSENT, too_late, unsent
from remit.secrets.secrets import Secrets
from remit.tool.call import Happened, Refused, ToolAnswer, ToolCall, Unknown, withheld
from remit.tool.sql import SqlKind, Statement, StatementError

Driver = tuple[Connect, Callable[[Exception], Failed | None]]


class SqlTool(Adapter):
    """Runs statements; one per worker."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._places: dict[Place, Connections] = {}

    def load(self) -> None:
        """Import PostgreSQL's driver now.

        Raises:
            ExtraError: it is not here.
        """
        _postgresql()

    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Run the statement that the contract holds."""
        kind, ref = call.contract.call, call.contract.ref
        if not isinstance(kind, SqlKind):
            raise TypeError(f"{ref} is not of kind sql")
        if late := too_late(call):
            return late
        secrets = self._outside.secrets(call)
        try:
            job, connections = await self._prepared(call, kind, secrets)
        except NoAddressError as error:
            message = f"{ref}: {error}; nothing was sent"
            return Refused("TOOL-UNREACHABLE", message, again=True)
        except UNSENT as error:
            return unsent(call, error)
        except (ArgumentError, PlaceError, StatementError) as error:
            return unsent(call, error)
        return _masked(await _run(job, connections), secrets)

    async def aclose(self) -> None:
        """Close all connections."""
        for connections in self._places.values():
            connections.close()
        self._places.clear()

    async def _prepared(
        self, call: ToolCall, kind: SqlKind, secrets: Secrets
    ) -> tuple[Job, Connections]:
        values = bound(kind, call.arguments, call.step_key)
        job = Job(call, kind, _parsed(kind.statement), values)
        await secrets.read((kind.database, kind.password), call.deadline)
        place = await place_of(call, kind, self._outside, secrets)
        return job, self._connections(place)

    def _connections(self, place: Place) -> Connections:
        kept = self._places.get(place)
        if kept is None:
            for other, old in list(self._places.items()):
                if monotonic() - old.used_at > IDLE_S and not old.turns.locked():
                    self._places.pop(other).close()
            kept = self._places[place] = Connections(place, *_driver(place))
        kept.used_at = monotonic()
        return kept


async def _run(job: Job, connections: Connections) -> ToolAnswer:
    try:
        async with asyncio.timeout_at(job.call.deadline):
            await connections.turns.acquire()
    except TimeoutError:
        message = "no connection was free before its deadline; nothing was sent"
        return withheld("TOOL-BUSY", f"{job.call.contract.ref}: {message}", again=True)
    progress = Progress()
    in_thread = partial(_in_thread, job, connections, progress)
    work = InThread("sql", in_thread, connections.turns.release)
    try:
        left = max(0.0, job.left_s)
        done, _ = await asyncio.wait({work.ended}, timeout=left)
    except asyncio.CancelledError:
        progress.give_up()
        raise
    if not done:
        if progress.give_up():
            return job.late()
        message = f"{job.call.contract.ref} did not commit before the deadline; it may have"
        return Unknown("TOOL-TIMEOUT", message)
    ended = work.ended.result()
    if isinstance(ended, Returned):
        return ended.value
    is_open = progress.give_up()
    name = type(ended).__name__
    if is_open:
        return job.refused("TOOL-SQL-REFUSED", f"the driver raised {name}; nothing was committed")
    return Unknown("TOOL-RAISED", f"{job.call.contract.ref}: the driver raised {name} at COMMIT")


def _in_thread(job: Job, connections: Connections, progress: Progress) -> ToolAnswer:
    try:
        session = connections.begun(max(0.001, job.left_s), job.kind.role, progress.attach)
    except NotBegunError as error:
        return told(job, error.failed)
    is_whole = False
    try:
        answer = transact(session, job, progress)
        # Only what was answered in full leaves a connection of which everything is known.
        is_whole = isinstance(answer, Happened) and progress.attach(None)
        return answer
    finally:
        if is_whole:
            connections.give_back(session)
        else:
            with suppress(Exception):
                session.close()


def _masked(answer: ToolAnswer, secrets: Secrets) -> ToolAnswer:
    return Happened(secrets.mask_json(answer.output)) if isinstance(answer, Happened) else answer


def _driver(place: Place) -> Driver:
    # A worker whose project asks no PostgreSQL need not have its driver.
    if place.dialect == "postgresql":
        return _postgresql()
    from activities.tools import sql_sqlite

    return sql_sqlite.connect, sql_sqlite.unreachable


def _postgresql() -> Driver:
    with of_extra("postgres", "psycopg"):
        from activities.tools import sql_postgresql
    return sql_postgresql.connect, sql_postgresql.unreachable


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Statement:
    return Statement.parse(text)
