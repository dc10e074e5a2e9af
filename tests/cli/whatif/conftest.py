"""The purchases that candidates are judged by, made once, and copied for whoever adds to them."""

import asyncio
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from remit.decision.promotion import Report
from tests.cli.whatif.three import candidate_in, furnish
from tests.command_line import typed
from tests.policies.served import opa_binary


@dataclass(frozen=True)
class Reported:
    """What one what-if told, in all of its forms."""

    report: Report
    file: Path
    """Of `--report`."""
    page: Path
    """Of `--html`."""
    tests: Path
    """Folder of `--tests`."""


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with three purchases in its ledger; nobody may change it."""
    opa_binary()
    return asyncio.run(furnish(tmp_path_factory.mktemp("three")))


@pytest.fixture(scope="session")
def reported(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """The report about a candidate as `candidate` is, asked for once."""
    folder = tmp_path_factory.mktemp("reported")
    file, page, tests = folder / "report.json", folder / "page.html", folder / "tests"
    forms = ("--report", file, "--html", page, "--tests", tests, "--json")
    asked = ("policy", "what-if", "--candidate", candidate_in(recorded, folder))
    told = typed((*asked, "--project", recorded, *forms), folder=folder, variables=os.environ)
    assert told.returncode == 0, told.stderr + told.stdout
    return Reported(Report.model_validate(json.loads(told.stdout)["report"]), file, page, tests)


@pytest.fixture
def company(recorded: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(recorded, tmp_path / "company"))


@pytest.fixture
def candidate(recorded: Path, tmp_path: Path) -> Path:
    """A candidate that blocks one, widens one and gates one."""
    return candidate_in(recorded, tmp_path)
