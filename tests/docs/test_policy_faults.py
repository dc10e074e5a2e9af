"""The page on faults around a policy: every row stands, and names tests that exist."""

from tests.docs.cited import check
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "policy-faults.md"


def test_every_row_names_tests_that_exist() -> None:
    """Nineteen faults and twenty demands, in order; none is left to a promise."""
    check(PAGE, "Faults", 19)
    check(PAGE, "Demands", 20)
