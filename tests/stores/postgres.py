"""A PostgreSQL of the tests' own: started as an ordinary user, on a Unix socket in a folder."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg

PORT = 5432
"""Names the socket; nothing listens on the network."""


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, newest version first."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    # The distribution keeps them off the path.
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return versions[0].parent if versions else None


class Cluster:
    """One server with its data in a folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        """Make the cluster; `start` starts it."""
        self._programs = programs
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(mode=0o755)
        # PostgreSQL refuses to run as root.
        self._user = _other_user() if os.geteuid() == 0 else None
        if self._user:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "owner", "-E", "UTF8")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            capture_output=True,
            cwd=self.folder,
            **self._as_user(),
        )

    def _as_user(self) -> dict[str, int]:
        user = self._user
        return {"user": user.pw_uid, "group": user.pw_gid} if user else {}

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(self._programs / "postgres"), "-D", str(self.folder / "data")),
                    *("-k", str(self.folder), "-p", str(PORT), "-c", "listen_addresses="),
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **self._as_user(),
            )
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=3).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError((self.folder / "log").read_text())

    def kill(self) -> None:
        """`kill -9` of the server; its children end by themselves."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop the server at once; nothing of it is needed again."""
        self._end(signal.SIGQUIT)

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None
        return self._process.pid

    def children(self) -> list[int]:
        """Return the processes that the server has started."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in found.split()]

    def send(self, pid: int, number: int) -> None:
        """Send one of the server's processes a signal."""
        assert pid in (self.pid, *self.children())
        os.kill(pid, number)

    def _end(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(20)

    def url(self, database: str, user: str = "owner") -> str:
        """Return the address of a database."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={PORT}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as the owner."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())


def _other_user() -> pwd.struct_passwd:
    """Return the account that the distribution's package made, or one that every system has."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
