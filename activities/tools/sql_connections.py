"""Connections of the `sql` kind, kept for the next call: a few for each database and account.

They belong to one place, which holds addresses and password too: a rotated password or another
address is another place, and no idle connection serves a call for which it was not checked. Not
SQLAlchemy's pool: what a COMMIT came to must be seen at the driver, and an idle connection that
died is replaced only while nothing was asked of it.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from activities.tools.sql_session import Connect, Failed, Fault, Place, Session

MOST_EACH = 8
"""Most connections to one place, in one worker."""
IDLE_S = 60.0
"""How long an unused connection is kept, in seconds."""
_GIVEN_UP = Failed(Fault.LATE, "given up")


class NotBegunError(Exception):
    """No transaction could be begun."""

    def __init__(self, failed: Failed) -> None:
        """Say why."""
        super().__init__(failed.said)
        self.failed = failed


class Connections:
    """The open connections to one place."""

    def __init__(
        self, place: Place, connect: Connect, unreachable: Callable[[Exception], Failed | None]
    ) -> None:
        """Open none yet."""
        self.turns = asyncio.Semaphore(MOST_EACH)
        """Taken for each call, so that a sick database keeps its own callers waiting alone."""
        self.used_at = monotonic()
        self._place = place
        self._connect = connect
        self._unreachable = unreachable
        self._idle: list[tuple[float, Session]] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def begun(self, left_s: float, role: str, tell: Callable[[Session], bool]) -> Session:
        """Return a connection with a transaction begun; an idle one that died is replaced.

        Args:
            left_s: seconds until the deadline.
            role: of the transaction.
            tell: is told of the connection before anything waits for it; false when nobody does.

        Raises:
            NotBegunError: there is none.
        """
        while (kept := self._pop()) is not None:
            try:
                return _begun(kept, left_s, role, tell)
            except NotBegunError as error:
                if error.failed.fault is not Fault.LOST:
                    raise
        try:
            opened = self._connect(self._place, left_s)
        except Exception as error:
            failed = self._unreachable(error)
            if failed is None:
                raise
            raise NotBegunError(failed) from error
        return _begun(opened, left_s, role, tell)

    def give_back(self, session: Session) -> None:
        """Keep a connection whose transaction is over."""
        with self._lock:
            if not self._is_closed and len(self._idle) < MOST_EACH:
                self._idle.append((monotonic(), session))
                return
        _close(session)

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for _, session in idle:
            _close(session)

    def _pop(self) -> Session | None:
        with self._lock:
            old = [each for at, each in self._idle if monotonic() - at > IDLE_S]
            self._idle = [each for each in self._idle if each[1] not in old]
            found = self._idle.pop()[1] if self._idle else None
        for session in old:
            _close(session)
        return found


def _begun(session: Session, left_s: float, role: str, tell: Callable[[Session], bool]) -> Session:
    try:
        if not tell(session):
            raise NotBegunError(_GIVEN_UP)
        session.begin(left_s, role)
    except NotBegunError:
        _close(session)
        raise
    except Exception as error:
        failed = session.failed(error)
        _close(session)
        if failed is None:
            raise
        raise NotBegunError(failed) from error
    return session


def _close(session: Session) -> None:
    with suppress(Exception):
        session.close()
