"""A worker with effect-once broken on purpose: the rest of it works as it does without."""

from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from chaos.worker import break_effect_once
from remit.enforcement import attempt
from remit.stores.project import load_project
from remit.tool.call import Happened, Unknown
from tests.enforcement.desk import a_desk
from tests.running import ROOT

CATALOGUE = load_project(ROOT / "tests" / "lab").catalogue


@pytest.mark.parametrize(("is_broken", "keys"), [(False, 1), (True, 2)])
async def test_each_attempt_has_a_key_of_its_own_only_when_it_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_broken: bool, keys: int
) -> None:
    """A lost answer, and the same call again: one key for both, or else two."""
    monkeypatch.setattr(attempt, "tool_call", vars(attempt)["tool_call"])
    if is_broken:
        break_effect_once()
    async with a_desk(tmp_path, CATALOGUE, "lab.put@1", {"name": "thing"}) as desk:
        desk.answers = [Unknown("TOOL-TIMEOUT", "no answer"), Happened({"status": "down"})]
        with pytest.raises(ApplicationError):
            await desk.call(1)
        desk.clock.advance(60_000)
        await desk.call(2)

    assert len({call.step_key for call in desk.calls}) == keys
