"""Whose a listening port is: a healthy answer from somebody else's server is no health of ours.

Two stacks may choose the same free port at the same moment. One gets it; the other's process ends,
but its health check would be answered by the first, and its workers would join a strange server.
Only Linux can tell whose a port is; elsewhere every port counts as ours.

Whoever took it need not listen: the near end of a connection holds a port as well, a listener may
be gone again, and a server has ports that we do not know. Then the one that ended says it.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from remit.cli.stack.identity import ProcessId

_PROC = Path("/proc")
_LISTEN = "0A"


def foreign_port(process: ProcessId, ports: Iterable[int]) -> int | None:
    """Return the first of `ports` that something else listens on; `None` when there is none.

    A port counts as the process's own when any process of its session listens on it.
    """
    if sys.platform != "linux":
        return None
    listening = {port: sockets for port in ports if (sockets := _listening(port))}
    if not listening:
        return None
    own = set(_sockets(process.pid))
    return next((port for port, sockets in listening.items() if not sockets & own), None)


def missed_a_port(said: str) -> bool:
    """Say whether a process that ended did so for want of a port; `said` is the end of its log."""
    return "address already in use" in said.lower()


def _listening(port: int) -> set[str]:
    """Return the sockets (inodes) that listen on `port`."""
    found: set[str] = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found


def _sockets(leader: int) -> Iterator[str]:
    """Yield the sockets that the session of `leader` has open."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if os.getsid(int(entry.name)) == leader:
                    yield from _open_files(entry / "fd")


def _open_files(folder: Path) -> Iterator[str]:
    for descriptor in folder.iterdir():
        with suppress(OSError):
            yield str(descriptor.readlink())
