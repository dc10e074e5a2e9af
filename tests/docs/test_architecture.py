"""The architecture's page names the rooms that there are, and the import rule that is held."""

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "architecture.md"
PURE = frozenset({"tool", "plan", "data", "decision", "ledger", "approval", "saga", "evidence"})
LOOSE = frozenset({"canonical", "diagnostic", "version"})
"""Modules of `remit` that stand in no room; pure, too."""


def fenced(kind: str, about: str) -> str:
    """Return the fenced block of a kind that speaks of something."""
    return next(each.text for each in blocks(PAGE) if each.kind == kind and about in each.text)


def rooms() -> set[str]:
    """Return the rooms of the library."""
    return {file.parent.name for file in (ROOT / "remit").glob("*/__init__.py")}


def layers(name: str) -> list[list[str]]:
    """Return the layers of one of import-linter's contracts, highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (found,) = (each for each in contracts if name in each["name"])
    return [layer.split(" | ") for layer in found["layers"]]


def test_every_room_is_listed_with_what_it_is() -> None:
    """The list of folders holds the rooms that there are, and says which are pure."""
    listed = dict(re.findall(r"^  ([a-z]+)/ .*(pure|I/O)$", fenced("", "remit/  "), re.MULTILINE))

    assert set(listed) == rooms()
    assert {room for room, kind in listed.items() if kind == "pure"} == PURE


def test_arrows_point_down_the_layers() -> None:
    """What the picture allows to import is what the check in `make lint` allows."""
    arrows = _arrows(fenced("mermaid", "workers --> workflows"))
    outer = layers("workers")
    inner = layers("inside the library")
    level = {room: at for at, layer in enumerate(outer) for room in layer}
    below = {room: at for at, layer in enumerate(inner) for room in layer}

    assert {room for pair in arrows for room in pair} == {*level, *below}
    for above, under in arrows:
        order = level if above in level else below
        assert order[above] < order[under]


def _arrows(picture: str) -> set[tuple[str, str]]:
    found = set()
    for line in picture.splitlines():
        names = [name.strip() for name in line.split("-->")]
        if len(names) > 1:
            found |= set(pairwise(names))
    return found


def test_workflows_import_only_what_is_pure() -> None:
    """What the sandbox passes through does no I/O, because nothing checks its calls."""
    for file in sorted((ROOT / "workflows").glob("*.py")):
        for module in _imported(file):
            if module.startswith("remit."):
                assert module.split(".")[1] in PURE | LOOSE, f"{file.name} imports {module}"


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "remit":
                yield from (f"remit.{name.name}" for name in node.names)
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
