"""The process that becomes PostgreSQL: makes the cluster if there is none, then runs the server.

`python -m remit.cli.stack.postgres_start --bin DIR --cluster DIR --port N --password-file FILE`.
The server takes this process's place, so that it is the one that the stack knows. PostgreSQL
refuses root: as root, the cluster belongs to an unprivileged user, and the server runs as that one.
A cluster is made beside its place and moved there whole, so an interrupted start leaves none.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from remit.cli.stack.identity import pids_working_in
from remit.cli.stack.ports import LOOPBACK
from remit.cli.stack.postgres import ADMIN, unprivileged

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # Four services of Temporal keep up to thirty connections each; Remit's processes keep theirs.
    "max_connections": "250",
    "password_encryption": "scram-sha-256",
    # A statement that fails may hold a password.
    "log_min_error_statement": "panic",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "shared_buffers": "128MB",
    # After a crash every file of the cluster is synced first: one call in place of thousands.
    **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),
}
"""Beside PostgreSQL's own: every commit is on the disk before it is acknowledged."""

_LEAVE_S = 20.0


def main() -> None:
    """Make what is missing and become the server."""
    given = _arguments()
    data = given.cluster / "data"
    _own(given.cluster)
    if not (data / "PG_VERSION").is_file():
        _make(given, data)
    _await_orphans(data)
    _become(given, data)


def _own(cluster: Path) -> None:
    cluster.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    cluster.mkdir(mode=0o700, exist_ok=True)
    if (user := unprivileged()) is not None:
        os.chown(cluster, user.pw_uid, user.pw_gid)


def _make(given: argparse.Namespace, data: Path) -> None:
    """Make the cluster, with a password that the administrator must prove."""
    print(f"making a cluster in {str(data)!r}", flush=True)
    draft, password = data.with_name("draft"), data.with_name("password")
    shutil.rmtree(draft, ignore_errors=True)
    user = unprivileged()
    with open(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(given.password_file.read_text().strip())
    if user is not None:
        os.chown(password, user.pw_uid, user.pw_gid)
    subprocess.run(
        [
            *(str(given.bin / "initdb"), "--pgdata", str(draft), "--username", ADMIN),
            *("--pwfile", str(password), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C", "--data-checksums"),
        ],
        cwd=data.parent,
        check=True,
        stdin=subprocess.DEVNULL,
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )
    password.unlink()
    draft.rename(data)


def _await_orphans(data: Path) -> None:
    """Wait for processes of a server that was killed; they end when they notice that it is gone."""
    until = time.monotonic() + _LEAVE_S
    while pids_working_in(data) and time.monotonic() < until:
        time.sleep(0.05)
    if sys.platform == "linux" and not pids_working_in(data):
        # Left by a server that was killed; its number may be somebody else's by now, and then
        # PostgreSQL would not start.
        with suppress(FileNotFoundError):
            (data / "postmaster.pid").unlink()


def _become(given: argparse.Namespace, data: Path) -> NoReturn:
    if (user := unprivileged()) is not None:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    os.chdir(data)
    options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    program = str(given.bin / "postgres")
    sys.stdout.flush()
    os.execv(program, [program, "-D", str(data), "-p", str(given.port), *options])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="postgres_start", description=__doc__)
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--cluster", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
