"""The job that makes roles and databases, on a real PostgreSQL that asks for passwords."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from remit.ledger.errors import LedgerUnavailableError
from remit.stores.database import database_of
from remit.stores.inbox import InboxStore, open_readonly
from remit.stores.ledger import open_ledger
from remit.stores.migrate import migrate
from remit.stores.postgresql import grant
from tests.deploy.compose import ROOT
from tests.stores.ledger_values import intent, open_admitted
from tests.stores.postgres import PORT, Cluster, programs

SETUP = ROOT / "deploy" / "postgresql" / "setup.sh"


class Deployed:
    """A server, the secrets of a deployment, and the job."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.secrets = folder / "secrets"
        subprocess.run(["sh", str(ROOT / "deploy" / "secrets.sh"), str(self.secrets)], check=True)

    def set_up(self) -> None:
        """Run the job as the container does; the server trusts its administrator."""
        variables = {
            "PATH": os.environ["PATH"],
            "SECRETS": str(self.secrets),
            "PGHOST": str(self.cluster.folder),
            "PGPORT": str(PORT),
            "PGUSER": "owner",
        }
        subprocess.run(["sh", str(SETUP)], env=variables, check=True, timeout=60)

    def url(self, role: str, database: str = "remit") -> str:
        """Return an address of a database, with the role's password by file."""
        return f"{self.cluster.url(database, role)}&password_file={self.secrets / role}"

    def says_no(self, role: str, password: str, database: str) -> bool:
        """Whether the server refuses somebody."""
        try:
            psycopg.connect(self.cluster.url(database, role), password=password).close()
        except psycopg.OperationalError:
            return True
        return False


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    """A server after the job ran twice, where everybody but its owner proves a password."""
    found = programs()
    if found is None or shutil.which("psql") is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with TemporaryDirectory(prefix="remit-pg-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        cluster = Cluster(found, folder / "pg")
        access = "local all owner trust\nlocal all all scram-sha-256\n"
        (cluster.folder / "data" / "pg_hba.conf").write_text(access)
        cluster.start()
        try:
            made = Deployed(cluster, folder)
            made.set_up()
            made.set_up()
            yield made
        finally:
            cluster.stop()


async def test_a_ledger_is_prepared_and_written_by_its_roles(deployed: Deployed) -> None:
    """The owner makes the tables, the worker writes with its own password and no more."""
    migrate(deployed.url("remit"))
    grant(deployed.url("remit"), "remit_worker")
    grant(deployed.url("remit"), "remit_keeper", keeper=True)
    ledger = await open_admitted(deployed.url("remit_worker"))

    assert await ledger.begin(intent()) == 1
    await ledger.close()
    await (await open_ledger(deployed.url("remit_keeper"))).close()
    with pytest.raises(LedgerUnavailableError, match="permission denied"):
        await open_ledger(deployed.url("temporal"))


async def test_the_console_reads_and_its_role_can_do_nothing_else(deployed: Deployed) -> None:
    """PostgreSQL itself refuses what the role might write, whatever the session says."""
    migrate(deployed.url("remit"))
    grant(deployed.url("remit"), "remit_reader", reader=True)
    reader = await open_readonly(deployed.url("remit_reader"))
    try:
        assert (await InboxStore(reader).open()).gates == []
    finally:
        await reader.close()
    engine = database_of(deployed.url("remit")).open_engine(deployed.url("remit_reader"), 1000)
    with engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
        connection.exec_driver_sql("UPDATE gates SET state = 'granted'")
    engine.dispose()


@pytest.mark.parametrize(
    ("role", "database"),
    [
        ("temporal", "remit"),
        ("remit_worker", "temporal"),
        ("remit_keeper", "temporal_visibility"),
        ("remit", "postgres"),
    ],
)
def test_nobody_enters_another_database(deployed: Deployed, role: str, database: str) -> None:
    """The right password opens a role's own databases alone."""
    password = (deployed.secrets / role).read_text()

    assert deployed.says_no(role, password, database)
    assert not deployed.says_no("temporal", (deployed.secrets / "temporal").read_text(), "temporal")


def test_no_role_is_more_than_a_role(deployed: Deployed) -> None:
    """None may make roles or databases, or pass the rules of tables."""
    asked = "SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%' AND rolname <> 'owner'"
    able = " AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"
    with psycopg.connect(deployed.cluster.url("postgres")) as connection:
        there = {name for (name,) in connection.execute(asked.encode())}
        more = connection.execute((asked + able).encode()).fetchall()

    assert there == {"temporal", "remit", "remit_worker", "remit_keeper", "remit_reader"}
    assert more == []


def test_a_changed_file_changes_the_password(deployed: Deployed) -> None:
    """Run again, the job puts the new password in force; a quote in it is no statement."""
    file = deployed.secrets / "remit_keeper"
    old, new = file.read_text(), "it's new'; DROP ROLE temporal; --"
    file.unlink()
    file.write_text(new)
    deployed.set_up()

    assert deployed.says_no("remit_keeper", old, "remit")
    assert not deployed.says_no("remit_keeper", new, "remit")
