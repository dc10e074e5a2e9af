"""Free loopback ports, the familiar ones first.

Nothing is reserved: a port found free can be taken a moment later, and then `up` chooses anew. That
is rare, as these ports are none that a system gives by itself to whoever asks for any port, or for
the near end of a connection.
"""

import random
import socket
from collections.abc import Collection, Iterable

from remit.cli.stack.errors import StackCode, StackError

LOOPBACK = "127.0.0.1"
QUIET = range(10_000, 32_768)
"""Below what systems give by themselves; Temporal stores its ports in 16 bits with a sign."""
_TRIED = 200


def is_free(port: int) -> bool:
    """Say whether a server could listen on `port` of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set it too; without it a port in TIME_WAIT after a restart would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(preferred: Iterable[int | None], *, taken: Collection[int] = ()) -> int:
    """Return the first free port of `preferred`, else one of `QUIET`, else any free one.

    Args:
        preferred: candidates in order; `None` is passed over.
        taken: ports promised to others.

    Raises:
        StackError: `STACK-NO-PORT` when the system has none to give.
    """
    # Not for secrets: two stacks that start at once should not try the same ones.
    for port in (*preferred, *random.sample(QUIET, _TRIED)):
        if port is not None and port not in taken and is_free(port):
            return port
    for _ in range(20):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
    raise StackError(
        StackCode.NO_PORT,
        "the system gave no free loopback port",
        hint="end programs that hold many ports, then repeat the command",
    )
