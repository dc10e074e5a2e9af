"""The server that repeats what it was told, and the one that gives access tokens."""

from tests.activities.conftest import giver, origin

__all__ = ["giver", "origin"]
