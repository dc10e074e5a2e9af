"""The tools that docs/tools.md shows load as they stand there."""

import re
from pathlib import Path

from remit.stores.project import load_project
from remit.tool.kinds import ToolKind
from tests.docs.pages import ROOT

_FILE = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")


def test_every_file_of_the_page_loads(tmp_path: Path) -> None:
    """Contracts without a fault, and no warning but those that the page explains."""
    (tmp_path / "remit.toml").write_text('name = "stock"\n')
    for name, text in _FILE.findall(PAGE):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    project = load_project(tmp_path)

    assert [found.code for found in project.findings] == []
    assert {contract.call.kind for contract in project.catalogue} == {
        "python",
        "process",
        "http",
        "sql",
        "human",
    }


def test_every_kind_is_on_the_page() -> None:
    """A new kind is told of."""
    kinds = {kind.model_fields["kind"].default for kind in ToolKind.__origin__.__args__}

    assert {kind for kind in kinds if f"| `{kind}` |" in PAGE} == kinds
