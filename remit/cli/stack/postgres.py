"""PostgreSQL for the profile `full`: its programs, where it is, who may do what in it.

A stack has a cluster of its own on loopback, unless `REMIT_POSTGRES_URL` names a server. Everybody
proves a password; nothing listens on a Unix socket. Each role owns its databases and may not
connect to another's.
"""

import hashlib
import os
import pwd
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from remit.cli.stack.errors import StackCode, StackError
from remit.cli.stack.layout import Layout
from remit.cli.stack.ports import LOOPBACK
from remit.stores.atomic import keep_secret, write_atomically

ADMIN = "remit_admin"
"""Superuser of a cluster of our own."""
OWNERS: Mapping[str, str] = {
    "temporal": "temporal",
    "temporal_visibility": "temporal",
    "remit": "remit",
}
"""Every database, with the role that owns it."""
WORKER, KEEPER = "remit_worker", "remit_keeper"
"""Roles that write the ledger: they add to it. Its tables are their owner's alone to change."""
ROLES = (*sorted(set(OWNERS.values())), WORKER, KEEPER)
URL = "REMIT_POSTGRES_URL"
"""Variable that names a server in place of a cluster of our own, with its administrator."""

_PROGRAMS = ("initdb", "postgres", "psql")
_DEBIAN = Path("/usr/lib/postgresql")
_SYSTEM = Path("/var/lib/remit")
"""Where clusters of root's stacks are: another user, who cannot enter `.remit`, runs them."""
_OLDEST = 14
_ANSWER_S = 60.0


@dataclass(frozen=True, slots=True)
class Programs:
    """PostgreSQL's programs of one version."""

    folder: Path
    version: str


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server, and how its administrator is let in."""

    host: str
    port: int
    admin: str
    password_file: Path
    """Mode 0600."""
    programs: Programs
    cluster: Path | None = None
    """The folder of a cluster of our own."""

    def ledger_url(self, role: str, password: Path) -> str:
        """Return the ledger's address for a role; its password stands in the file that it names."""
        place = f"{self.host}:{self.port}/remit?password_file={quote(str(password))}"
        return f"postgresql+psycopg://{role}@{place}"

    def run(self, script: str, *, database: str = "postgres") -> str:
        """Run SQL as the administrator and return what it printed.

        Raises:
            RuntimeError: with `psql`'s words.
        """
        asked = subprocess.run(
            [str(self.programs.folder / "psql"), "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1"],
            input=script,  # passwords stand in it: not for the list of processes
            env={
                "PATH": os.environ.get("PATH", ""),
                "PGHOST": self.host,
                "PGPORT": str(self.port),
                "PGUSER": self.admin,
                "PGPASSWORD": self.password_file.read_text().strip(),
                "PGDATABASE": database,
                "PGCONNECT_TIMEOUT": "10",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=_ANSWER_S,
        )
        if asked.returncode != 0:
            raise RuntimeError(f"psql: {asked.stderr.strip()[:1000]}")
        return asked.stdout.strip()


def server_of(layout: Layout, port: int, environment: Mapping[str, str] = os.environ) -> Postgres:
    """Return the server of a stack; secrets are made where there are none.

    Args:
        layout: the stack's places.
        port: where a cluster of our own listens.
        environment: may name another server.

    Raises:
        StackError: `STACK-POSTGRES-MISSING`, or `STACK-PROFILE` when the databases are elsewhere.
    """
    for role in ROLES:
        keep_secret(password_file(layout, role))
    if (url := _kept_url(layout, environment.get(URL, ""))) is not None:
        return _named(layout, url)
    password = password_file(layout, ADMIN)
    keep_secret(password)
    cluster = cluster_folder(layout)
    programs = find_programs(environment.get("PATH", ""), _major_of(cluster))
    return Postgres(LOOPBACK, port, ADMIN, password, programs, cluster)


def has_own_cluster(layout: Layout, environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether the stack runs PostgreSQL itself."""
    return not environment.get(URL) and not _url_file(layout).is_file()


def password_file(layout: Layout, role: str) -> Path:
    """Return the file with the password of a role."""
    return layout.secrets / f"{role}.password"


def cluster_folder(layout: Layout) -> Path:
    """Return where the cluster of a stack is, whether or not it has been made."""
    if os.geteuid() != 0:
        return layout.postgres
    known = layout.secrets / "cluster"
    if not known.is_file():
        write_atomically(known, secrets.token_hex(4).encode())
    place = hashlib.sha256(os.fsencode(layout.project)).hexdigest()[:8]
    return _SYSTEM / f"{place}-{known.read_text().strip()}"


def unprivileged() -> pwd.struct_passwd | None:
    """Return whom the cluster runs as; `None`: as we are, who are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise _missing("root may not run PostgreSQL, and neither `postgres` nor `nobody` is a user")


def find_programs(
    search: str, major: str | None = None, *, names: Sequence[str] = _PROGRAMS
) -> Programs:
    """Return PostgreSQL's programs: of `search`, else the distribution's newest.

    Args:
        search: folders to look into first, as in `PATH`.
        major: version that an existing cluster needs.
        names: the programs that are needed.

    Raises:
        StackError: `STACK-POSTGRES-MISSING`.
    """
    on_path = [Path(folder) for folder in search.split(os.pathsep) if folder]
    debian = sorted(_DEBIAN.glob("*/bin"), key=lambda folder: _number(folder), reverse=True)
    for folder in (*on_path, *debian):
        if all(shutil.which(name, path=str(folder)) for name in names):
            version = _version(folder / "psql")
            if version and version.partition(".")[0] == (major or version.partition(".")[0]):
                return Programs(folder.absolute(), version)
    wanted = f" {major}, which the cluster was made with" if major else ""
    raise _missing(f"no `{'`, `'.join(names)}` of PostgreSQL{wanted} were found")


def _missing(what: str) -> StackError:
    return StackError(
        StackCode.POSTGRES_MISSING,
        f"the profile 'full' needs PostgreSQL: {what}",
        hint=f"`apt-get install postgresql` installs them; or let {URL} name a server",
    )


def _kept_url(layout: Layout, stated: str) -> str | None:
    """Return the stated server, which is kept for commands that state none."""
    file = _url_file(layout)
    kept = file.read_text().strip() if file.is_file() else ""
    if stated and not kept and cluster_folder(layout).is_dir():
        raise StackError(
            StackCode.PROFILE,
            f"{URL} names a server, but the databases of this stack are in its own cluster",
            hint=f"unset {URL}, or copy the project without its `.remit`",
        )
    if stated and stated != kept:
        write_atomically(file, stated.encode())
    return stated or kept or None


def _url_file(layout: Layout) -> Path:
    return layout.secrets / "postgres.url"


def _named(layout: Layout, url: str) -> Postgres:
    parts = urlsplit(url)
    if not parts.scheme.startswith("postgres") or not parts.hostname or not parts.username:
        raise StackError(
            StackCode.PROFILE,
            f"{URL} is no `postgresql://administrator:password@host:port`",
            hint="name an administrator who may make roles and databases",
        )
    password = password_file(layout, "administrator")
    write_atomically(password, unquote(parts.password or "").encode())
    programs = find_programs(os.environ.get("PATH", ""), names=("psql",))
    admin = unquote(parts.username)
    return Postgres(parts.hostname, parts.port or 5432, admin, password, programs)


def _major_of(cluster: Path) -> str | None:
    file = cluster / "data" / "PG_VERSION"
    return file.read_text().strip() if file.is_file() else None


def _number(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0


def _version(program: Path) -> str | None:
    try:
        asked = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = re.search(r"PostgreSQL\) (\d+(\.\d+)*)", asked.stdout)
    return said[1] if said and int(said[1].partition(".")[0]) >= _OLDEST else None
