"""A stale answer on the real stack: it fails its run, and passes once somebody released it."""

import asyncio
import json
import uuid

import pytest
from temporalio.client import Client

from remit.canonical import JSON
from remit.cli.main import main
from tests.running import Running, ended, plan, start

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab"), pytest.mark.timeout(120)]

AS_OF = "2026-01-31T00:00:00Z"
BY = ["--by", "boss@lab.example", "--reason", "the survey is made once a year"]


async def _typed(
    lab: Running, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, dict[str, JSON]]:
    where = ["--project", str(lab.project), "--json"]
    code = await asyncio.to_thread(main, ["quarantine", *words, *where])
    return code, json.loads(capsys.readouterr().out)


async def test_a_stale_answer_waits_for_somebody(
    lab: Running, lab_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """Listed with who answers for it; a clerk may not release it, the data's owner may."""
    tag = f"q{uuid.uuid4().hex[:8]}"
    asks: JSON = {"id": "ask", "tool": "lab.survey@1", "args": {"name": tag, "as_of": AS_OF}}
    uses: JSON = {
        "id": "use",
        "tool": "lab.put@1",
        "needs": ["ask"],
        "args": {"name": "${steps.ask.output.name}"},
    }
    outcome = await ended(await start(lab_client, plan("surveyed", [asks, uses])))
    _, listed = await _typed(lab, capsys, "list")
    (held,) = [one for one in listed["quarantine"] if one["path"] == "ask"]  # type: ignore[union-attr, index, call-overload]
    reference = str(held["reference"])  # type: ignore[index, call-overload]
    refused = await _typed(
        lab, capsys, "release", reference, "--by", "clerk@lab.example", "--reason", "please"
    )
    released = await _typed(lab, capsys, "release", reference, *BY)
    again = await ended(await start(lab_client, plan("surveyed", [asks, uses])))
    _, shown = await _typed(lab, capsys, "show", reference, "--content")
    twice = await _typed(lab, capsys, "discard", reference, *BY)

    assert (outcome["status"], outcome["code"]) == ("failed", "DATA-STALE")
    assert reference in str(outcome["reason"])
    assert "order.role_missing" in json.dumps(refused[1])
    assert (released[0], again["status"]) == (0, "completed")
    assert (shown["state"], shown["owner"], shown["by"]) == (
        "released",
        "team:surveys",
        "boss@lab.example",
    )
    assert shown["content"] == {"name": tag, "items": [1, 2], "as_of": AS_OF}
    assert "QUARANTINE-ENDED" in json.dumps(twice[1])
    assert lab.effects(tag) == [f"put {tag}"]
