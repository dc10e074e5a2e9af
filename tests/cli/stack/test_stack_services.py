"""A project's own programs in its stack."""

from collections.abc import Callable
from pathlib import Path

import pytest

from remit.cli.stack.errors import StackError
from remit.cli.stack.identity import marked
from remit.cli.stack.status import StackStatus
from tests.cli.stack.conftest import SERVICE

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def test_a_service_gets_its_port_and_the_settings(
    up: Callable[..., StackStatus], project: Path, lines: list[str]
) -> None:
    """A program of the project runs on a free port, and goes when `remit.toml` drops it."""
    (project / "remit.toml").write_text(SERVICE)
    status = up("files")
    process = status.components[0].pid
    variables = Path("/proc", str(process), "environ").read_bytes().decode().split("\0")
    port = status.components[0].address.rpartition(":")[2]

    assert f"REMIT_PORT_FILES={port}" in variables
    assert f"REMIT_PROJECT={project}" in variables
    assert "REMIT_TASK_QUEUE=remit" in variables
    (project / "remit.toml").write_text("")
    up("publisher")
    assert [name for name, _ in marked(str(project / ".remit"))] == ["publisher"]


def test_a_service_that_fails_shows_its_log(up: Callable[..., StackStatus], project: Path) -> None:
    """The last lines of the service's own log are in the message."""
    broken = SERVICE.replace('"-m", "http.server"', '"-c", "raise SystemExit(\'no stock\')"')
    (project / "remit.toml").write_text(broken)
    with pytest.raises(StackError, match="no stock") as caught:
        up("files")

    assert caught.value.diagnostic.code == "STACK-START-FAILED"
