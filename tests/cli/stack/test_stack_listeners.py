"""Whose a listening port is."""

import os
import socket
import subprocess
import sys

import pytest

from remit.cli.stack.identity import ProcessId, began
from remit.cli.stack.listeners import foreign_port, missed_a_port
from remit.cli.stack.ports import LOOPBACK, choose
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a port is")

CHILD = """
import socket, subprocess, sys
inner = "import socket, time; s = socket.create_server(('127.0.0.1', %d)); time.sleep(60)"
subprocess.run([sys.executable, "-c", inner])
"""


def test_a_port_of_the_session_is_its_own() -> None:
    """What a process's child listens on counts as the process's own, and as foreign to others."""
    port = choose(())
    with subprocess.Popen([sys.executable, "-c", CHILD % port], start_new_session=True) as child:
        process = ProcessId(child.pid, began(child.pid) or "")
        ours = ProcessId(os.getpid(), began(os.getpid()) or "")
        until(lambda: foreign_port(ours, [port]) == port)

        assert foreign_port(process, [port]) is None
        process.kill_group()


def test_a_strangers_port_is_foreign() -> None:
    """The first port that somebody else listens on is named; a free one is nobody's."""
    with (
        socket.create_server((LOOPBACK, 0)) as server,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger,
    ):
        process = ProcessId(stranger.pid, began(stranger.pid) or "")
        taken = server.getsockname()[1]

        assert foreign_port(process, [choose(()), taken]) == taken
        assert foreign_port(process, [choose(())]) is None
        stranger.kill()


def test_a_program_says_that_it_missed_a_port() -> None:
    """The words of Python, Go and Rust mean it; other last words do not."""
    assert missed_a_port("\n    OSError: [Errno 98] Address already in use")
    assert missed_a_port("\n    listen tcp 127.0.0.1:7233: bind: address already in use")
    assert missed_a_port("\n    Address already in use (os error 98)\n    bye")
    assert not missed_a_port("\n    PermissionError: [Errno 13] Permission denied")
