"""Ports: the familiar one when it is free, another when it is not."""

import socket
from collections.abc import Iterator

import pytest

from remit.cli.stack.ports import LOOPBACK, QUIET, choose, is_free


@pytest.fixture
def occupied() -> Iterator[int]:
    """A port somebody else listens on."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_the_first_free_preference_is_taken(occupied: int) -> None:
    """A port in use is passed over for the next preference."""
    free = choose(())

    assert choose((None, occupied, free)) == free


def test_another_port_when_no_preference_is_free(occupied: int) -> None:
    """Some free port is found when every preference is in use."""
    chosen = choose((occupied,))

    assert chosen != occupied
    assert is_free(chosen)


def test_a_promised_port_is_not_given_twice() -> None:
    """A port promised to another purpose is not chosen again."""
    promised = choose(())

    assert choose((promised,), taken={promised}) != promised


def test_a_chosen_port_is_none_that_the_system_gives_by_itself(occupied: int) -> None:
    """Nobody gets it by asking for any port, or as the near end of a connection."""
    assert choose((occupied,)) in QUIET
    assert occupied not in QUIET
