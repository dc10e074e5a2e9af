"""`remit init`: a folder of one's own that works as it is."""

import os
from pathlib import Path

import pytest

from remit.cli.stack.binaries import OPA, cache_folder, find
from remit.cli.stack.bundle import BundleBuilder
from remit.cli.stack.components import core_policies
from remit.cli.stack.sources import CORE, PROJECT, PolicyRoot, read_sources
from tests.cli.conftest import Command


@pytest.fixture(scope="session")
def opa() -> Path:
    """The real OPA."""
    found = find(OPA, cache=cache_folder(), search=os.environ.get("PATH", ""))
    if found is None:
        pytest.skip("no usable `opa` on PATH or in the cache")
    return found.path


def test_the_plan_passes(remit: Command, hello: Path) -> None:
    """What `init` makes, `validate` takes, without a warning."""
    document = remit("validate", hello, "--json").document

    files = document["files"]
    assert isinstance(files, list)
    assert isinstance(files[0], dict)
    assert (document["ok"], files[0]["warnings"], document["project_warnings"]) == (True, [], [])


def test_the_files_are_a_users_own(remit: Command, notes: Path) -> None:
    """Tools, policies with a test, a plan, remit.toml, and what git must not keep."""
    made = {path.relative_to(notes).as_posix() for path in notes.rglob("*") if path.is_file()}

    assert made >= {".gitignore", "README.md", "remit.toml", "tools/notes.py", "plans/hello.yaml"}
    assert any(name.endswith("_test.rego") for name in made)
    assert ".remit/" in (notes / ".gitignore").read_text()
    assert not any("__pycache__" in name for name in made)


@pytest.mark.opa
def test_the_policy_passes_its_own_tests(remit: Command, notes: Path) -> None:
    """`remit policy check`, as the scaffold's README says it, passes and runs something."""
    ran = remit("policy", "check", "--project", notes)

    assert ran.code == 0, ran.out + ran.err
    assert "5 tests of their own pass" in ran.out


@pytest.mark.opa
def test_the_policy_becomes_a_bundle(notes: Path, opa: Path) -> None:
    """The publisher takes the scaffold's policies and data together with the core's."""
    roots = [PolicyRoot(CORE, core_policies()), PolicyRoot(PROJECT, notes / "policies")]

    bundle = BundleBuilder(opa).build(read_sources(roots))

    assert bundle.revision.startswith("sha256:")


def test_nothing_is_overwritten(remit: Command, notes: Path) -> None:
    """A folder that has one of the files is left as it is, and the refusal names them."""
    (notes / "README.md").write_text("mine")
    (notes / "remit.toml").unlink()

    ran = remit("init", notes, "--json")

    assert (ran.code, ran.codes) == (2, ["PROJECT-EXISTS"])
    assert (notes / "README.md").read_text() == "mine"
    assert not (notes / "remit.toml").exists()


def test_a_file_is_no_folder(remit: Command, tmp_path: Path) -> None:
    """The refusal comes before anything is written."""
    (tmp_path / "taken").touch()

    assert remit("init", tmp_path / "taken", "--json").codes == ["PROJECT-EXISTS"]
