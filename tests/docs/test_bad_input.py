"""The table of bad input at gates: every row stands, and names tests that exist."""

from tests.docs.cited import check
from tests.docs.pages import ROOT


def test_every_row_names_tests_that_exist() -> None:
    """Each input has its answer and its test."""
    check(ROOT / "docs" / "approvals.md", "Bad input", 21)
