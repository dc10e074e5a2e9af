"""The real policies on a real OPA."""

from collections.abc import Iterator

import pytest

from tests.policies.served import Served, serve


@pytest.fixture(scope="session")
def policies() -> Iterator[Served]:
    """A real OPA that serves the core's policies and a small project's."""
    with serve() as served:
        yield served
