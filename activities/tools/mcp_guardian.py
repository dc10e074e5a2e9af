"""The parent of an MCP server that a worker starts: no server outlives its worker.

    python -I -S mcp_guardian.py WORKER_PID COMMAND [ARGUMENT…]

Stands between the two as the leader of a process group of its own. When the worker dies, however it
dies, or sends SIGTERM, or when the server's first process ends, the whole group is killed: a server
is often a shell or a package runner that starts the real one. Standard input and output go through
untouched. Uses the standard library alone, and is never imported.

Tried and dropped: a death signal on the server itself, which is cleared for the server's own
children, and needs code between fork and exec in a worker that has threads.
"""

import ctypes
import os
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1


def _die_with_parent(number: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def _kill_group(*_: object) -> None:
    os.killpg(os.getpgid(0), signal.SIGKILL)


def _in_server() -> None:
    # For the case that somebody kills the guardian itself. It has no threads, so this is safe.
    _die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main(argv: list[str]) -> None:
    """Start the server, and end everything when it or the worker ends."""
    worker, command = int(argv[1]), argv[2:]
    signal.signal(signal.SIGTERM, _kill_group)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent(signal.SIGTERM)
    if os.getppid() != worker:
        _kill_group()
    try:
        server = subprocess.Popen(command, preexec_fn=_in_server)  # noqa: S603
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(127)
    # Only the server holds the pipes now: when it closes them, the worker sees it.
    for descriptor in (0, 1):
        os.close(descriptor)
    server.wait()
    _kill_group()


if __name__ == "__main__":
    main(sys.argv)
