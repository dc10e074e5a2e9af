"""Temporal's dynamic configuration and set-up job, against the dev server's settings and itself."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from remit.cli.stack.binaries import TEMPORAL, cache_folder, find
from remit.cli.stack.ports import choose
from remit.cli.stack.temporal_server import DYNAMIC_VALUES, SEARCH_ATTRIBUTES
from tests.deploy.compose import ROOT
from tests.waiting import until

FOLDER = ROOT / "deploy" / "temporal"


def test_the_server_is_tuned_as_the_dev_server_is() -> None:
    """What the light stack measured to be fast holds here too; each key has one unbound value."""
    loaded = yaml.safe_load((FOLDER / "dynamicconfig.yaml").read_text())
    values = {key: entries[0]["value"] for key, entries in loaded.items()}
    stated = {key: yaml.safe_load(value) for key, value in DYNAMIC_VALUES.items()}

    assert stated.items() <= values.items()
    assert all(len(entries) == 1 and entries[0].keys() == {"value"} for entries in loaded.values())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A bare dev server, without our search attributes: address and the `temporal` program."""
    found = find(TEMPORAL, cache=cache_folder(), search=os.environ.get("PATH", ""))
    if found is None:
        pytest.skip("no usable `temporal` on PATH or in the cache")
    port = choose(())
    argv = [str(found.path), "server", "start-dev", "--headless", "--ip", "127.0.0.1"]
    with (tmp_path_factory.mktemp("server") / "log").open("wb") as log:
        child = subprocess.Popen([*argv, "--port", str(port)], stdout=log, stderr=log)
        yield f"127.0.0.1:{port}", found.path
        child.terminate()
        child.wait(30)


@pytest.mark.stack
def test_setting_up_can_be_repeated(server: tuple[str, Path]) -> None:
    """The job makes a namespace and the attributes on a new server, and changes nothing later."""
    address, program = server
    environment = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HOME": os.environ["HOME"],
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": "acme",
    }
    for _ in range(2):
        done = subprocess.run(
            ["sh", str(FOLDER / "setup.sh")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    until(lambda: _attributes(program, environment) == SEARCH_ATTRIBUTES)


def _attributes(program: Path, environment: dict[str, str]) -> dict[str, str]:
    """Return our search attributes in the namespace, as far as the server's cache knows them."""
    command = [str(program), "operator", "search-attribute", "list", "--namespace", "acme"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    rows = (line.split() for line in shown.stdout.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2 and row[0].startswith("Remit")}
