"""The page of metrics names those that there are, and no others."""

import re

from tests.running import ROOT


def test_every_metric_is_listed() -> None:
    """What a process may serve stands in the page, with its labels; nothing else does."""
    made = re.compile(r'(?:Counter|Gauge|Histogram)\(\s*"(remit_\w+)"')
    sources = [*ROOT.glob("remit/**/*.py"), *ROOT.glob("workers/*.py")]
    known = {name for source in sources for name in made.findall(source.read_text())}
    page = (ROOT / "docs" / "metrics.md").read_text()

    assert len(known) >= 9
    assert set(re.findall(r"^\| `(remit_\w+)`", page, re.MULTILINE)) == known
