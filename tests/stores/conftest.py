"""A ledger on each real database, and a clock that the test moves."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from remit.stores.ledger import SqlLedger
from remit.stores.migrate import migrate
from tests.stores.ledger_values import HandClock, open_admitted
from tests.stores.postgres import Cluster, programs


@pytest.fixture
def clock() -> HandClock:
    """A clock that stands still until the test moves it."""
    return HandClock()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One PostgreSQL for all tests of a process."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    # A short path of its own: a socket's name has a limit, and another user must reach it.
    with tempfile.TemporaryDirectory(prefix="remit-pg-") as folder:
        Path(folder).chmod(0o755)
        started = Cluster(found, Path(folder) / "pg")
        started.start()
        yield started
        started.stop()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Where a ledger in a file may be made."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture(scope="session")
def template_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("template") / "ledger.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def made_url(template_file: Path, sqlite_url: str) -> str:
    """A file with the ledger's tables and nothing in them."""
    shutil.copy(template_file, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """A migrated database to copy: migrating takes longer than most tests."""
    cluster.execute("CREATE DATABASE template_ledger")
    migrate(cluster.url("template_ledger"))
    return "template_ledger"


@pytest.fixture
def postgres_url(cluster: Cluster, template: str) -> str:
    """A database in PostgreSQL with the ledger's tables and nothing in them."""
    name = f"ledger_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return cluster.url(name)


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Where no ledger has been yet."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    cluster: Cluster = request.getfixturevalue("cluster")
    name = f"empty_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name}")
    return cluster.url(name)


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest) -> str:
    """Where a ledger may be made: the same tests hold for every database."""
    made = {"sqlite": "made_url", "postgres": "postgres_url"}
    url: str = request.getfixturevalue(made[request.param])
    return url


@pytest.fixture
async def ledger(ledger_url: str, clock: HandClock) -> AsyncIterator[SqlLedger]:
    """A ledger with one admitted run."""
    opened = await open_admitted(ledger_url, clock=clock)
    yield opened
    await opened.close()
