"""Tables of the documentation whose rows name the tests that show them."""

import re
from pathlib import Path

from tests.docs.pages import ROOT

_CITED = re.compile(r"`([\w/.]+)?::(\w+)`")


def rows(page: Path, heading: str) -> list[str]:
    """Return the numbered rows of the table below a heading."""
    section = page.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if re.match(r"\| \d", line)]


def check(page: Path, heading: str, count: int) -> None:
    """Hold a table to the code: `count` rows in order, each with tests that exist."""
    found = rows(page, heading)
    assert [int(row.split("|")[1]) for row in found] == [*range(1, count + 1)]
    for row in found:
        cited = _CITED.findall(row.rsplit("|", 2)[1])
        assert cited, row
        file = ""
        for name, test in cited:
            file = name or file
            text = (ROOT / file).read_text(encoding="utf-8")
            assert re.search(rf"^(async )?(def )?{test}(\(| if )", text, re.M), (file, test)
