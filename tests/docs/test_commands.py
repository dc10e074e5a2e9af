"""Every command that a document names is one that there is."""

import re
from pathlib import Path

import pytest

from remit.cli.main import make_app
from tests.docs.pages import ROOT, blocks, pages, prose

_SPAN = re.compile(r"`([^`\n]+)`")
_MAKE = re.compile(r"(?:^|[\s;&(])make ([a-z]+)\b")
_REMIT = re.compile(r"(?:^|[\s;&(\"])remit ([a-z][a-z-]*)")
SHELLS = ("sh", "console", "shell")


def typed(page: Path) -> list[str]:
    """Return what a page would have somebody type: spans of code and blocks for a shell."""
    shown = [block.text for block in blocks(page) if block.kind in SHELLS]
    return [*_SPAN.findall(prose(page)), *(line for text in shown for line in text.splitlines())]


def targets() -> set[str]:
    """Return the targets of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):.*##", text, re.MULTILINE))


def commands() -> set[str]:
    """Return the commands of `remit`."""
    app = make_app()
    groups = {str(each.typer_instance.info.name) for each in app.registered_groups}
    return groups | {str(each.name) for each in app.registered_commands}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_named_commands_exist(page: Path) -> None:
    """`make X` is a target, `remit X` a command."""
    for line in typed(page):
        for target in _MAKE.findall(line):
            assert target in targets(), f"{page.name}: make {target}"
        for command in _REMIT.findall(line):
            assert command in commands(), f"{page.name}: remit {command}"


def test_the_changelog_lists_every_command() -> None:
    """What can be typed is written down."""
    text = " ".join((ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split())
    (listed,) = re.findall(r"`remit ([a-z| -]+)`", text)

    assert set(listed.split(" | ")) == commands()


def test_the_two_commands_open_the_readme() -> None:
    """A stranger finds them before anything else that can be typed."""
    first = blocks(ROOT / "README.md")[0].text

    assert _MAKE.findall(first) == ["demo", "test"]
