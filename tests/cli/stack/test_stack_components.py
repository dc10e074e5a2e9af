"""What makes a running worker outdated."""

from pathlib import Path

from remit.cli.stack.components import _catalogue_digest


def test_edited_tool_or_plan_makes_workers_outdated(tmp_path: Path) -> None:
    """Workers read tools and plans at their start, so `up` starts them again after an edit."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "plans").mkdir()
    plan = tmp_path / "plans" / "a.json"
    plan.write_text("{}")
    before = _catalogue_digest(tmp_path)
    (tmp_path / "tools" / "__pycache__").mkdir()
    (tmp_path / "tools" / "__pycache__" / "x.pyc").write_bytes(b"compiled")

    assert _catalogue_digest(tmp_path) == before

    plan.write_text('{"name": "a"}')
    assert _catalogue_digest(tmp_path) != before
