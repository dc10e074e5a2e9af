"""Somebody else gets a port between the stack's choice and the component's start."""

import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from remit.cli.stack import stack
from remit.cli.stack.errors import StackError
from remit.cli.stack.status import StackStatus
from tests.cli.stack.conftest import SERVICE

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

TWO_PORTS = """
import http.server, socket, sys
inner = socket.create_server(("127.0.0.1", {inner}))
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""


def test_a_port_lost_in_the_last_moment_is_chosen_anew(
    up: Callable[..., StackStatus], project: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A healthy answer from somebody else's server on our port does not count as ours."""
    thieves: list[ThreadingHTTPServer] = []

    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

    def take_the_first_port(line: str) -> None:
        lines.append(line)
        if "publisher: starting on" in line and not thieves:
            port = int(line.rpartition(":")[2])
            thieves.append(ThreadingHTTPServer(("127.0.0.1", port), Healthy))
            Thread(target=thieves[0].serve_forever, args=(0.02,), daemon=True).start()

    up()
    told = stack.up(project, take_the_first_port, only=("publisher",), core=project / "none")
    stolen = thieves[0].server_port
    thieves[0].shutdown()
    thieves[0].server_close()

    assert told.condition == "running"
    assert told.components[0].address != f"127.0.0.1:{stolen}"
    assert f"did not get port {stolen}" in "".join(lines)


@pytest.fixture
def inner(project: Path) -> Iterator[socket.socket]:
    """A listener on a port that the project's service asks for without telling the stack."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with (project / "remit.toml").open("a", encoding="utf-8") as file:
            file.write(SERVICE.replace('"-m", "http.server"', '"two_ports.py"'))
        (project / "two_ports.py").write_text(TWO_PORTS.format(inner=port))
        yield listener


def test_a_port_held_by_a_connection_is_chosen_anew(
    up: Callable[..., StackStatus], project: Path, lines: list[str]
) -> None:
    """Whoever took the port does not listen on it: the component's own last words tell."""
    with (project / "remit.toml").open("a", encoding="utf-8") as file:
        file.write(SERVICE)
    stolen: list[int] = []
    with socket.socket() as thief:

        def take_the_first_port(line: str) -> None:
            lines.append(line)
            if "files: starting on" in line and not stolen:
                stolen.append(int(line.rpartition(":")[2]))
                thief.bind(("127.0.0.1", stolen[0]))

        up()
        told = stack.up(project, take_the_first_port, only=("files",), core=project / "none")

    assert told.condition == "running"
    assert told.components[0].address != f"127.0.0.1:{stolen[0]}"
    assert len([line for line in lines if "files did not get port" in line]) == 1


def test_a_port_that_is_let_go_in_time_is_no_failure(
    inner: socket.socket, up: Callable[..., StackStatus], project: Path, lines: list[str]
) -> None:
    """A component's inner port was taken when it began, and is free at the next try."""

    def let_go(line: str) -> None:
        lines.append(line)
        if "did not get port" in line:
            inner.close()

    up()
    told = stack.up(project, let_go, only=("files",), core=project / "none")

    assert told.condition == "running"
    assert len([line for line in lines if "files: starting on" in line]) == 2


def test_a_port_that_is_never_free_ends_the_tries(
    inner: socket.socket, up: Callable[..., StackStatus], project: Path, lines: list[str]
) -> None:
    """After three tries `up` gives up with a code, and with what the component said."""
    with pytest.raises(StackError) as failed:
        up("files")

    assert failed.value.diagnostic.code == "STACK-PORT-TAKEN"
    assert "Address already in use" in failed.value.diagnostic.message
    assert len([line for line in lines if "files: starting on" in line]) == 3
