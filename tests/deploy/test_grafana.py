"""The dashboards ask for metrics and labels that there are. Grafana itself is not started here."""

import json
import re
from pathlib import Path

import pytest

from tests.running import ROOT

FOLDER = ROOT / "deploy" / "grafana"
_MADE = re.compile(r'(Counter|Gauge|Histogram)\(\s*"(remit_\w+)",\s*"[^"]*"(?:,\s*\[([^\]]*)\])?')
_USED = re.compile(r"remit_\w+")
_BY = re.compile(r"by \(([^)]*)\)")


def made() -> dict[str, set[str]]:
    """Return the names that Prometheus sees, with their labels."""
    found: dict[str, set[str]] = {}
    for source in (*ROOT.glob("remit/**/*.py"), *ROOT.glob("workers/*.py")):
        for kind, name, labels in _MADE.findall(source.read_text()):
            own = set(re.findall(r'"(\w+)"', labels))
            if kind == "Histogram":
                found |= {f"{name}_bucket": {*own, "le"}, f"{name}_count": own, f"{name}_sum": own}
            else:
                found[name] = own
    return found


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_every_query_asks_for_what_there_is(file: Path) -> None:
    """A metric that was renamed, or a label that is gone, leaves no empty panel behind."""
    panels = json.loads(file.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    known = made()

    assert len(queries) >= 8
    for query in queries:
        names = set(_USED.findall(query))
        assert names
        assert names <= set(known), query
        labels = {label.strip() for group in _BY.findall(query) for label in group.split(",")}
        labels |= set(re.findall(r"(\w+)=\"", query))
        assert labels <= set.union(*(known[name] for name in names)), query


def test_both_readers_have_one() -> None:
    """Operators and executives; each panel is somewhere, and none over another."""
    files = {file.stem: json.loads(file.read_text()) for file in FOLDER.glob("*.json")}

    assert set(files) == {"operators", "executives"}
    for board in files.values():
        taken = [
            (x, y)
            for place in (panel["gridPos"] for panel in board["panels"])
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(taken) == len(set(taken))
        assert max(x for x, _ in taken) < 24
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
