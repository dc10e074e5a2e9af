"""The page on faults around a policy: every row stands, and names tests that exist."""

import re

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "policy-faults.md"
_CITED = re.compile(r"`([\w/.]+)?::(\w+)`")


def _rows(heading: str) -> list[str]:
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if re.match(r"\| \d", line)]


def test_every_row_names_tests_that_exist() -> None:
    """Nineteen faults and twenty demands, in order; none is left to a promise."""
    for heading, count in (("Faults", 19), ("Demands", 20)):
        rows = _rows(heading)
        assert [int(row.split("|")[1]) for row in rows] == [*range(1, count + 1)]
        for row in rows:
            cited = _CITED.findall(row.rsplit("|", 2)[1])
            assert cited, row
            file = ""
            for name, test in cited:
                file = name or file
                text = (ROOT / file).read_text(encoding="utf-8")
                assert re.search(rf"^(async )?(def )?{test}(\(| if )", text, re.M), (file, test)
