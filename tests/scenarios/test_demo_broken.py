"""The demo tells the truth: when something is not as it must be, its exit code says so."""

import pytest

from remit.cli.stack import stack
from tests.scenarios.office import Office, demo

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("backoffice")]


def test_demo_fails_when_a_promise_is_broken(office: Office) -> None:
    """Nobody may order from this supplier any more: the demo says what is not so, and ends 1."""
    with office.policy({"domains/erp/suppliers": ["sup-8"]}):
        running = demo(office.project, "1")
        told = running.communicate(timeout=100)[0]

    assert running.returncode == 1, told
    assert "erp.supplier_not_vetted" in told
    assert "✗ not so" in told
    assert stack.status(office.project).condition == "running"
