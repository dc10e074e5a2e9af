"""The server that repeats what it was told."""

from tests.activities.conftest import origin

__all__ = ["origin"]
