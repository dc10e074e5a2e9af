"""The keeper forgets by the project's data, and nothing when that is not right."""

from pathlib import Path

import pytest
import yaml

from remit.canonical import JSONObject
from remit.cli.stack.errors import PolicyError
from remit.stores.ledger import open_ledger
from tests.stores.forgetting_values import DAY_MS, finished
from tests.stores.ledger_values import HandClock
from workers.forgetter import Forgetter
from workers.retention import load_retention

CALLS = [("tell", {"to": "ada"}, {"sent": 1}, "mail.send@1")]


def project(folder: Path, registry: JSONObject) -> Path:
    """Return a project with this registry."""
    (folder / "policies").mkdir(exist_ok=True)
    text = yaml.safe_dump({"remit": {"registry": registry}})
    (folder / "policies" / "data.yaml").write_text(text)
    return folder


def test_a_project_lays_its_periods_and_its_window_over_our_own(tmp_path: Path) -> None:
    """Without a word there are no periods, and our own window."""
    bare = load_retention(tmp_path)
    thresholds: JSONObject = {"rollback_window_ms": 5}
    own = load_retention(
        project(tmp_path, {"retention": {"personal": "P30D"}, "thresholds": thresholds})
    )

    assert (dict(bare.periods), bare.window_ms) == ({}, 7 * DAY_MS)
    assert (own.periods["personal"].period_ms, own.window_ms) == (30 * DAY_MS, 5)


@pytest.mark.parametrize("period", ["30 days", "P", "PT5M", 30, ""])
def test_a_period_that_is_none_is_refused(tmp_path: Path, period: str | int) -> None:
    """With the code of policy data that cannot be published either."""
    with pytest.raises(PolicyError) as refused:
        load_retention(project(tmp_path, {"retention": {"personal": period}}))

    assert refused.value.diagnostic.code == "POLICY-DATA-INVALID"


async def test_the_keeper_forgets_what_is_over_and_not_before(tmp_path: Path) -> None:
    """Inside the rollback window nothing goes, whatever the period; broken data stops all."""
    clock = HandClock()
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock=clock, deadline_s=30)
    forgetter = Forgetter(ledger.forgetting, project(tmp_path, {"retention": {"personal": "P1D"}}))
    await finished(ledger, "run-1", CALLS)
    at_once = await forgetter.round()
    clock.advance(2 * DAY_MS)
    in_the_window = await forgetter.round()
    clock.advance(6 * DAY_MS)
    project(tmp_path, {"retention": {"personal": "soon"}})
    broken = await forgetter.round()
    project(tmp_path, {"retention": {"personal": "P1D"}})
    behind_it = await forgetter.round()
    again = await forgetter.round()
    await ledger.close()

    assert (at_once, in_the_window, broken, behind_it, again) == (0, 0, 0, 3, 0)
