"""What must hold of the image before anybody builds it."""

import re
from fnmatch import fnmatch

import pytest

from tests.deploy.compose import ROOT

TEXT = (ROOT / "Dockerfile").read_text()
INSTRUCTION = re.compile(r"^([A-Z]+)\s+(.*)$")


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continuation lines joined."""
    joined = re.sub(r"\\\n\s*", "", TEXT)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    found = [INSTRUCTION.match(line) for line in lines]
    assert all(found), lines
    return [(each[1], each[2]) for each in found if each]


def test_stages_are_pinned_and_copied_from(instructions: list[tuple[str, str]]) -> None:
    """Every stage names a version, and only stages that there are are copied from."""
    stages = [rest.split() for name, rest in instructions if name == "FROM"]
    names = {stage[2] for stage in stages}
    for stage in stages:
        assert re.search(r":\d+\.\d+\.\d+", stage[0])
        assert stage[1] == "AS"
    copied = {found[1] for found in re.finditer(r"COPY --from=(\w+)", TEXT)}
    assert copied <= names
    assert len(stages) == 3


def test_packages_are_those_of_the_lock_file() -> None:
    """Whatever is installed besides the installer itself is constrained by the hashed lock file."""
    installs = re.findall(r"pip install ([^&]*?)(?:&&|$)", re.sub(r"\\\n\s*", "", TEXT), re.DOTALL)
    assert len(installs) == 3
    assert re.fullmatch(r"-q uv==\d+\.\d+\.\d+\s*", installs[0])
    assert all("--constraint requirements.lock" in install for install in installs[1:])
    assert "--hash=sha256:" in (ROOT / "requirements.lock").read_text()


def test_it_runs_as_nobody_special(instructions: list[tuple[str, str]]) -> None:
    """The last stage ends as a numbered user without rights; no instruction is a shell surprise."""
    users = [rest for name, rest in instructions if name == "USER"]
    assert users == ["10001:10001"]
    assert instructions[-1][0] == "CMD"
    assert instructions[-1][1].startswith("[")
    assert not {name for name, _ in instructions} & {"ADD", "ARG"}


def test_what_is_copied_exists_and_is_let_through(instructions: list[tuple[str, str]]) -> None:
    """Sources of the checkout are there, and the ignore file does not hide them."""
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    shown = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    assert "*" in rules
    for name, rest in instructions:
        if name == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert any(fnmatch(source.removeprefix("./"), rule) for rule in shown), source


def test_it_writes_nothing_that_a_registry_could_be_found_by() -> None:
    """The image takes packages from wherever its builder is told to."""
    assert "index-url" not in TEXT
    assert "://" not in TEXT.replace("file://", "")
