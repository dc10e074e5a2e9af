"""What docs/agents.md shows is run as it stands there."""

from typing import Any

import pytest
import yaml

from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from tests.docs.pages import ROOT, blocks
from tests.running import Running, plan, put

PAGE = ROOT / "docs" / "agents.md"


def shown(kind: str) -> str:
    """Return the one block of a kind."""
    (found,) = [block.text for block in blocks(PAGE) if block.kind == kind]
    return found


def test_the_contract_is_one() -> None:
    """A catalogue takes it without a fault."""
    contract = ToolContract.model_validate(yaml.safe_load(shown("yaml")))

    assert Catalogue.of([contract]).find("tickets.rate@1") == contract


@pytest.mark.stack
@pytest.mark.xdist_group("lab_too")
async def test_the_client_hands_a_plan_over(lab: Running) -> None:
    """It starts, is followed, and its outcome comes back; a second time it is the same run."""
    names: dict[str, Any] = {}
    exec(compile(shown("python"), str(PAGE), "exec"), names)  # noqa: S102 - the page is ours
    document = plan("handed-over", [put("a", "handed-over-a")])

    first = await names["hand_over"](lab.address, document)
    again = await names["hand_over"](lab.address, document)

    assert (first.status, again) == ("completed", first)
    assert lab.effects("handed-over-a") == ["put handed-over-a"]
