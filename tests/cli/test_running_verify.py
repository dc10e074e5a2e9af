"""`remit tools verify` of calls with an effect: in a sandbox alone, and undone."""

import json
import uuid
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.cli.main import main
from tests.running import Running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too")]


def test_a_write_is_tried_in_a_sandbox_and_undone(
    lab: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a tenant of its own, by the tool's compensation; what nothing undoes is not tried."""
    tag = f"tried{uuid.uuid4().hex[:8]}"
    made: JSONObject = {"type": "object", "properties": {"status": {"const": "down"}}}
    document: JSONObject = {
        "consumer": "stock",
        "owner": "team:stock",
        "agent": "tester@1.0.0",
        "on_behalf_of": "asker@lab.example",
        "tenant": "lab",
        "sandbox": "playground",
        "expects": [
            {
                "tool": "lab.put@1",
                "reads": made,
                "examples": [
                    {"args": {"name": tag}},
                    {"args": {"name": tag, "fail": "lie"}},
                    {"args": {"name": tag, "fail": "refuse"}, "refused": {"code": "LAB-REFUSED"}},
                ],
            },
            {"tool": "lab.burn@1", "examples": [{"args": {"name": tag}}]},
        ],
    }
    file = tmp_path / "stock.json"
    file.write_text(json.dumps(document))

    arguments = ["--expectations", str(file), "--project", str(lab.project), "--json"]
    code = main(["tools", "verify", *arguments])

    told = json.loads(capsys.readouterr().out)
    assert code == 1
    assert [row["told"] for row in told["tried"]] == [
        "answers as expected",
        "otherwise than expected",
        "refused, as expected",
    ]
    assert [(one["code"], one["path"]) for one in told["diagnostics"]] == [
        ("EXPECTATION-DRIFT", "stock.json#/expects/0/examples/1")
    ]
    assert [row["told"] for row in told["left_out"]] == [
        "not tried: it has an effect, and nothing undoes it"
    ]
    assert sorted(lab.effects(tag)) == [f"drop {tag}"] * 2 + [f"put {tag}"] * 2
