"""What docs/agents.md shows is run as it stands there."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from remit.plan.planner import Wish
from remit.stores.planner import load_planner, load_table
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from tests.docs.pages import ROOT, blocks
from tests.running import Running, plan, put

WISH = Wish("goal", "a@1.0.0", "me@x.example", "lab", "team:lab", {}, {}, [], {})
PAGE = ROOT / "docs" / "agents.md"


def shown(kind: str, about: str = "") -> str:
    """Return the one block of a kind that speaks of something."""
    (found,) = [each.text for each in blocks(PAGE) if each.kind == kind and about in each.text]
    return found


def test_the_contract_is_one() -> None:
    """A catalogue takes it without a fault."""
    contract = ToolContract.model_validate(yaml.safe_load(shown("yaml", "name:")))

    assert Catalogue.of([contract]).find("tickets.rate@1") == contract


def test_its_endpoints_may_say_what_they_are_for() -> None:
    """The conditions that are shown fit into the contract that is."""
    document = yaml.safe_load(shown("yaml", "name:"))
    endpoints = yaml.safe_load(shown("yaml", "sees:"))["endpoints"]
    hosts = ["small.example", "models.internal"]
    bounds = {"output_tokens": 200}
    call = {**document["call"], "endpoints": endpoints, "bounds": bounds, "keep_s": 600}
    contract = ToolContract.model_validate({**document, "destinations": hosts, "call": call})

    assert Catalogue.of([contract]).find("tickets.rate@1") == contract


async def test_the_planner_is_one(tmp_path: Path) -> None:
    """The table and the file are read as they stand there, and the function answers."""
    (tmp_path / "remit.toml").write_text(shown("toml", "[planner]"))
    (tmp_path / "planners").mkdir()
    (tmp_path / "planners" / "buyer.py").write_text(shown("python", "Proposal"))

    table = load_table(tmp_path)
    assert table is not None
    assert table.owner == "team:workplace"
    answer: Any = await load_planner(tmp_path, table)(WISH)
    assert (answer.plan["name"], answer.cost_micros) == ("quote", 1200)


@pytest.mark.stack
@pytest.mark.xdist_group("lab_too")
async def test_the_client_hands_a_plan_over(lab: Running) -> None:
    """It starts, is followed, and its outcome comes back; a second time it is the same run."""
    names: dict[str, Any] = {}
    exec(compile(shown("python", "hand_over"), str(PAGE), "exec"), names)  # noqa: S102 - the page is ours
    document = plan("handed-over", [put("a", "handed-over-a")])

    first = await names["hand_over"](lab.address, document)
    again = await names["hand_over"](lab.address, document)

    assert (first.status, again) == ("completed", first)
    assert lab.effects("handed-over-a") == ["put handed-over-a"]
