"""One back office per test process, reset before each test that uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.backoffice.running import MODULE, ROOT, OpenApiCheck, Running, start

if TYPE_CHECKING:
    from examples.backoffice.service.contract import Operation

Start = Callable[..., Running]


@pytest.fixture(scope="session")
def backoffice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running back office."""
    running = start(tmp_path_factory.mktemp("backoffice") / "office.db")
    yield running
    running.close()


@pytest.fixture(scope="session")
def document(backoffice: Running) -> dict[str, Any]:
    """Its OpenAPI document."""
    answer: dict[str, Any] = httpx2.get(f"{backoffice.url}/openapi.json").json()
    return answer


@pytest.fixture(scope="session")
def business() -> list[Operation]:
    """Every operation of the company, as it is declared."""
    # Its models take seconds to make, and each process that runs tests reads this file.
    from examples.backoffice.service import areas

    return list(areas.business())


@pytest.fixture(scope="session")
def every(business: list[Operation]) -> list[Operation]:
    """Those, and the ones on the service itself."""
    from examples.backoffice.service import areas

    return [*business, *areas.controls()]


@pytest.fixture(scope="session")
def client(backoffice: Running) -> Iterator[httpx2.Client]:
    """A client for all tests: making one costs more than most tests do."""
    with httpx2.Client(base_url=backoffice.url, timeout=10.0) as client:
        yield client


@pytest.fixture(scope="session")
def checked(backoffice: Running, document: dict[str, Any]) -> Iterator[httpx2.Client]:
    """The same, and every answer is held against the OpenAPI document."""
    hooks: dict[str, list[Callable[..., Any]]] = {"response": [OpenApiCheck(document)]}
    with httpx2.Client(base_url=backoffice.url, timeout=10.0, event_hooks=hooks) as client:
        yield client


@pytest.fixture
def raw(client: httpx2.Client) -> httpx2.Client:
    """A client of a back office in its seeded state."""
    client.post("/reset").raise_for_status()
    return client


@pytest.fixture
def api(raw: httpx2.Client, checked: httpx2.Client) -> httpx2.Client:
    """The same, and every answer is held against the OpenAPI document."""
    return checked


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Start]:
    """Start back offices of one's own; they are gone after the test."""
    started: list[Running] = []

    def launch_one(
        name: str = "own.db",
        *,
        how: tuple[str, ...] = MODULE,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
    ) -> Running:
        running = start(tmp_path / name, how=how, cwd=cwd, env=env)
        started.append(running)
        return running

    yield launch_one
    for running in started:
        running.close()
