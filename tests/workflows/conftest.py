"""Names that the lab's policies know."""

import uuid

import pytest


@pytest.fixture
def name() -> str:
    """A name that policy guards."""
    return f"guarded{uuid.uuid4().hex[:8]}"
