"""The built wheel, installed away from the checkout: from `remit init` to a finished run."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from tests.running import ROOT

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("wheel"), pytest.mark.timeout(300)]

NEEDED = (
    "remit/py.typed",
    "remit/policies/main/main.rego",
    "remit/policies/data.yaml",
    "remit/policies/schemas/facts.json",
    "remit/policies/capabilities.json",
    "remit/stores/migrations/env.py",
    "remit/stores/migrations/versions/v0001_ledger.py",
    "remit/cli/stack/system/authz.rego",
    "remit/cli/templates/project/gitignore",
    "remit/cli/templates/project/tools/notes.py",
    "remit/cli/templates/project/policies/domains/notes/rules_test.rego",
    "remit/console/templates/card.html",
    "remit/console/static/console.css",
    "remit/console/static/console.js",
    "workers/__main__.py",
)


def shell(*command: str | Path) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def uv() -> str:
    """The `uv` of this environment."""
    program = Path(sys.executable).parent / "uv"
    if not program.is_file():
        pytest.skip("no `uv` beside this Python")
    return str(program)


@pytest.fixture(scope="module")
def wheel(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    offline = ("--offline", "--no-build-isolation", "--python", sys.executable)
    shell(uv, "build", "--wheel", *offline, "--out-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@dataclass(frozen=True)
class Installed:
    """A `remit` that knows nothing of the checkout."""

    environment: Path
    folder: Path

    def __call__(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run the installed console script."""
        script = self.environment / "bin" / "remit"
        return subprocess.run(
            [script, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=self.variables,
        )

    @property
    def variables(self) -> dict[str, str]:
        """The environment, without anything that leads back to the checkout."""
        ours = ("PYTHONPATH", "REMIT_PROJECT", "VIRTUAL_ENV")
        return {name: value for name, value in os.environ.items() if name not in ours}


@pytest.fixture(scope="module")
def installed(
    uv: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    """The wheel in a fresh environment that borrows the other packages of this one."""
    folder = tmp_path_factory.mktemp("away")
    environment = folder / "venv"
    shell(uv, "venv", "--offline", "--python", sys.executable, environment)
    libraries = next((environment / "lib").glob("python3*")) / "site-packages"
    # Path lines of a .pth add folders and run no .pth inside them, so an editable install of this
    # checkout, if there is one, is not borrowed.
    (libraries / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    python = environment / "bin" / "python"
    shell(uv, "pip", "install", "--offline", "--no-deps", "--python", python, wheel)
    made = Installed(environment, folder)
    yield made
    made("down", folder / "notes")


def test_the_wheel_holds_what_is_not_python(wheel: Path) -> None:
    """Policies with their schemas, migrations, templates and the type marker are inside."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert [name for name in NEEDED if name not in names] == []
    assert not any("__pycache__" in name or name.startswith("tests/") for name in names)


def test_a_project_runs_without_the_checkout(installed: Installed) -> None:
    """`init`, `validate`, `up`, `dry-run`, `run`, `status`, `down`: all from the wheel."""
    project = installed.folder / "notes"
    plan = project / "plans" / "hello.yaml"
    for command in (("init", project), ("validate", plan), ("up", project)):
        ran = installed(*command)
        assert ran.returncode == 0, (command, ran.stdout, ran.stderr)

    rehearsed, ran = installed("dry-run", plan), installed("run", plan, "--json")
    status: JSONObject = json.loads(installed("status", project, "--json").stdout)
    stopped = installed("down", project)

    assert rehearsed.returncode == 0, rehearsed.stderr
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["outcome"]["outputs"] == {"text": "Hello from Remit"}
    assert (project / "notes" / "greeting.txt").read_text() == "Hello from Remit"
    assert status["condition"] == "running"
    assert stopped.returncode == 0
    assert str(ROOT) not in (project / ".remit" / "state.json").read_text()
