"""Every extra is pinned, but for one that is too heavy for everybody."""

import re
import tomllib

from tests.running import ROOT


def test_every_extra_is_locked_but_presidio() -> None:
    """The Makefile names them, so a new one must be put there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.search(r"^LOCKED := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert named is not None
    assert {*named[1].split(), "presidio"} == set(project["optional-dependencies"])
