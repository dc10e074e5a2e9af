"""One transaction of the `sql` kind, in a thread: what is done in it, and what its end means.

The rule that makes its answers certain: nothing has happened until COMMIT is sent. Whoever waits
may give up before that (`Progress.give_up`), and then COMMIT is never sent; after that, only the
server's answer tells, and without one nobody knows.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from time import monotonic

from activities.tools.sql_session import Failed, Fault, Session
from activities.tools.sql_values import ValueRefusedError, row_of
from remit.canonical import JSON, canonical
from remit.tool.call import Absent, Happened, Refused, ToolAnswer, ToolCall, Unknown
from remit.tool.sql import SqlKind, Statement

_DUE = "its deadline was over before anything was committed"
_CLAIM = Statement.parse(
    "INSERT INTO :table (step_key, tool) VALUES (:step_key, :tool)"
    " ON CONFLICT (step_key) DO NOTHING"
)
_CLAIMED = Statement.parse("SELECT tool, output FROM :table WHERE step_key = :step_key")
_DONE = Statement.parse("UPDATE :table SET output = :output WHERE step_key = :step_key")


@dataclass(slots=True)
class Progress:
    """How far a transaction came; shared by the thread that does it and the loop that waits."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_committing: bool = False
    _is_given_up: bool = False
    _session: Session | None = None

    def attach(self, session: Session | None) -> bool:
        """Tell whose connection it is; false when nobody waits any more."""
        with self._lock:
            self._session = session
            return not self._is_given_up

    def may_commit(self) -> bool:
        """Pass the point of no return, unless somebody gave up before it."""
        with self._lock:
            self._is_committing = not self._is_given_up
            return self._is_committing

    def give_up(self) -> bool:
        """End it; true when nothing was committed, nor will be."""
        with self._lock:
            self._is_given_up = True
            if self._session is not None:
                self._session.sever()
            return not self._is_committing


class _HaltError(Exception):
    """The transaction is rolled back, and this is the answer."""

    def __init__(self, answer: ToolAnswer) -> None:
        super().__init__()
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Job:
    """What one transaction is for."""

    call: ToolCall
    kind: SqlKind
    statement: Statement
    values: Mapping[str, object]

    @property
    def left_s(self) -> float:
        """Seconds until the deadline."""
        return self.call.deadline - monotonic()

    @property
    def is_read(self) -> bool:
        """Whether there is nothing to commit."""
        return not self.call.contract.operation.has_effect

    def refused(self, code: str, message: str, *, again: bool = False) -> Refused:
        """Return a refusal of this call."""
        return Refused(code, f"{self.call.contract.ref}: {message}", again=again)

    def late(self) -> Refused:
        """Return what a call is told that came too late."""
        return self.refused("TOOL-DEADLINE", _DUE, again=True)


def transact(session: Session, job: Job, progress: Progress) -> ToolAnswer:
    """Run the transaction that `session` has begun, to its end."""
    try:
        answer = _inside(session, job)
    except _HaltError as halt:
        session.rollback()
        return halt.answer
    except ValueRefusedError as error:
        session.rollback()
        return job.refused("TOOL-SQL-VALUE", f"{error}; it was rolled back")
    except Exception as error:
        failed = session.failed(error)
        if failed is None:
            raise
        return told(job, failed)
    if job.is_read:
        session.rollback()
        return answer
    if not progress.may_commit():
        return job.late()
    return _commit(session, job, answer)


def told(job: Job, failed: Failed) -> Refused:
    """Return what an error before COMMIT means: certainly nothing happened."""
    match failed.fault:
        case Fault.REFUSED:
            return job.refused("TOOL-SQL-REFUSED", f"the database refused it ({failed.said})")
        case Fault.BARRED:
            message = f"the database does not let this account do it ({failed.said})"
            return replace(job.refused("TOOL-SQL-REFUSED", message), is_unheard=True)
        case Fault.AGAIN:
            message = f"another transaction was in the way ({failed.said})"
            return job.refused("TOOL-SQL-BUSY", message, again=True)
        case Fault.LATE:
            return job.late()
        case Fault.LOST:
            message = f"the database could not be used ({failed.said}); nothing was committed"
            return job.refused("TOOL-UNREACHABLE", message, again=True)


def _commit(session: Session, job: Job, answer: ToolAnswer) -> ToolAnswer:
    try:
        session.commit()
    except Exception as error:
        failed = session.commit_failed(error)
        if failed is not None:
            return told(job, failed)
        message = f"{job.call.contract.ref} lost the connection while it committed"
        return Unknown("TOOL-CONNECTION", f"{message}; it may have happened")
    return answer


def _inside(session: Session, job: Job) -> ToolAnswer:
    if not job.kind.step_keys:
        return _answer(job, _output(session, job))
    kept = _claimed(session, job)
    if kept is not None:
        raise _HaltError(kept)
    output = _output(session, job)
    values = {"step_key": job.call.step_key, "output": canonical(output).decode()}
    session.count(_DONE.on(job.kind.step_keys), values)
    return Happened(output)


def _claimed(session: Session, job: Job) -> ToolAnswer | None:
    """Take the step key in this transaction; what was answered under it before, if it is taken."""
    table, key = job.kind.step_keys, job.call.step_key
    values = {"step_key": key, "tool": job.call.contract.ref}
    if session.count(_CLAIM.on(table), values) == 1:
        return None
    with session.rows(_CLAIMED.on(table), {"step_key": key}) as (_, rows):
        tool, output = next(iter(rows))
    if tool != job.call.contract.ref or not isinstance(output, str):
        return job.refused("TOOL-SQL-KEY", f"its step key is {tool!r}'s in {table!r}")
    return Happened(json.loads(output))


def _output(session: Session, job: Job) -> JSON:
    found: list[JSON] = []
    met = size = 0
    if not job.statement.gives_rows:
        met = session.count(job.statement, job.values)
    else:
        with session.rows(job.statement, job.values) as (columns, rows):
            for row in rows:
                met += 1
                if job.kind.result == "count":
                    continue
                made = row_of(columns, row)
                size += len(canonical(made))
                _check_size(job, met, size)
                found.append(made)
    _check_rows(job, met)
    if job.kind.result == "count":
        return {"rows": met}
    if job.kind.result == "rows":
        return found
    return found[0] if found else None


def _check_size(job: Job, rows: int, size: int) -> None:
    kind = job.kind
    if rows > kind.max_rows or size > kind.max_bytes:
        bound = f"{kind.max_rows} rows" if rows > kind.max_rows else f"{kind.max_bytes} bytes"
        message = f"it answers more than {bound}; nothing was committed"
        raise _HaltError(job.refused("TOOL-ANSWER-TOO-LARGE", message))


def _check_rows(job: Job, met: int) -> None:
    expected = job.kind.rows
    if job.kind.result == "row" and expected is None and met > 1:
        message = f"it met {met} rows, and `result: row` is one; nothing was committed"
        raise _HaltError(job.refused("TOOL-SQL-ROWS", message))
    if expected is None or met == expected:
        return
    if met == 0 and job.call.purpose == "probe":
        raise _HaltError(Absent())
    message = f"it met {met} rows in place of {expected}; nothing was committed"
    raise _HaltError(job.refused("TOOL-SQL-ROWS", message))


def _answer(job: Job, output: JSON) -> ToolAnswer:
    is_empty = output is None or output == {"rows": 0} or output == []
    return Absent() if is_empty and job.call.purpose == "probe" else Happened(output)
