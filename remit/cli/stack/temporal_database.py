"""What Temporal's server and the ledger's writers find: roles, databases, tables of their version.

Everything may run again at any time. A new database gets its schema under another name and its own
at the end, because a schema that was half made is refused by the tool that makes it.
"""

import os
import subprocess
from pathlib import Path

from remit.cli.stack.postgres import KEEPER, OWNERS, WORKER, Postgres

PLUGIN = "postgres12_pgx"
_SCHEMAS = {"temporal": "temporal", "temporal_visibility": "visibility"}
"""Databases of Temporal, with the part of the schema that each holds."""
_DEADLINE_S = 120.0


def prepare(server: Postgres, passwords: dict[str, Path], sql_tool: Path) -> None:
    """Make roles and databases, and bring Temporal's schema and the ledger's tables up to date.

    Raises:
        RuntimeError: with the words of the program that failed.
    """
    server.run("".join(_role(name, file) for name, file in passwords.items()))
    there = set(server.run("SELECT datname FROM pg_database").splitlines())
    for database, owner in OWNERS.items():
        made = database if database in there else f"{database}_draft"
        if database not in there:
            server.run(f"DROP DATABASE IF EXISTS {made} WITH (FORCE)")
            server.run(f"CREATE DATABASE {made} OWNER {owner}")
            server.run(f"REVOKE ALL ON DATABASE {made} FROM PUBLIC")
        if (part := _SCHEMAS.get(database)) is not None:
            tool = _Tool(sql_tool, server, made, owner, passwords[owner])
            if database not in there:
                tool.run("setup-schema", "-v", "0.0")
            tool.run("update-schema", "--schema-name", f"postgresql/v12/{part}")
            if database not in there:
                # The server looks for its database by name in there.
                named = f"UPDATE schema_version SET db_name = '{database}'"  # noqa: S608 (a name of ours)
                server.run(named, database=made)
        if database not in there:
            server.run(f"ALTER DATABASE {made} RENAME TO {database}")
    _prepare_ledger(server, passwords[OWNERS["remit"]])


def _prepare_ledger(server: Postgres, password: Path) -> None:
    # Here, because who imports the stack needs no database, and PostgreSQL's driver is an extra.
    from remit.stores.migrate import migrate
    from remit.stores.postgresql import grant

    owner = server.ledger_url(OWNERS["remit"], password)
    migrate(owner)
    for role in (WORKER, KEEPER):
        server.run(f"GRANT CONNECT ON DATABASE remit TO {role}")
        grant(owner, role, keeper=role == KEEPER)


def _role(name: str, password: Path) -> str:
    """Return what makes a role that owns its databases and may do nothing else."""
    rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
    return (
        f"SELECT 'CREATE ROLE {name}' WHERE NOT EXISTS"  # noqa: S608 (names of ours)
        f" (SELECT FROM pg_roles WHERE rolname = '{name}')\\gexec\n"
        f"ALTER ROLE {name} {rights} PASSWORD '{password.read_text().strip()}';\n"
    )


class _Tool:
    """Temporal's tool for schemas, at work on one database."""

    def __init__(
        self, program: Path, server: Postgres, database: str, role: str, password: Path
    ) -> None:
        self._program = str(program)
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "SQL_PLUGIN": PLUGIN,
            "SQL_HOST": server.host,
            "SQL_PORT": str(server.port),
            "SQL_USER": role,
            "SQL_PASSWORD": password.read_text().strip(),
            "SQL_DATABASE": database,
        }

    def run(self, *arguments: str) -> None:
        done = subprocess.run(
            [self._program, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_DEADLINE_S,
        )
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()[-1500:]
            raise RuntimeError(f"temporal-sql-tool {arguments[0]}: {said}")
