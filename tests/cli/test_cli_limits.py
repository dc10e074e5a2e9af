"""`remit limits`: the fleet's bounds, and who holds what of them."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from remit.ledger.entries import Bounds, Outcome, State
from remit.ledger.limits import Breaking, Slots
from remit.stores.ledger import open_ledger
from tests.cli.conftest import Command
from tests.stores.ledger_values import admission, intent, key, run_row

LIMITS = """
[limits.agents."*"]
at_once = 20
[limits.agents.buyer]
at_once = 5
[limits.tenants.acme]
rate = {calls = 9, per_seconds = 60}
"""
READ = "notes.read_note@1"


@pytest.fixture
def bounded(notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with bounds of every kind, and a ledger without calls."""
    monkeypatch.setenv("REMIT_LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    with (notes / "remit.toml").open("a") as file:
        file.write(LIMITS)
    tools = notes / "tools" / "notes.py"
    stated = ', concurrency={"calls": 8, "per_agent": 2}, breaker={"name": "notebook"}'
    text = tools.read_text()
    assert 'operation="read"' in text
    tools.write_text(text.replace('operation="read"', f'operation="read"{stated}'))
    return notes


async def _call(url: str) -> None:
    """Begin one call and lose another."""
    ledger = await open_ledger(url)
    await ledger.admit(run_row(), admission(), [], [])
    until_ms = int(time.time() * 1000) + 60_000
    names = (f"tool:{READ}", f"tool:{READ}/agent:buyer", "agent:seller", "tool:gone.away@1")
    bounds = Bounds([Slots(name, 9) for name in names])
    await ledger.begin(replace(intent(key("first"), lease_until_ms=until_ms), bounds=bounds))
    sick = Bounds(breaking=Breaking("notebook", 1, 10_000, 3_600_000))
    await ledger.begin(replace(intent(key("second"), lease_until_ms=until_ms), bounds=sick))
    ended = Outcome(key("second"), 1, "worker-1", State.REFUSED, code="TOOL-UNREACHABLE")
    await ledger.finish(replace(ended, bounds=sick, health="sick"))
    await ledger.close()


def test_what_is_bounded_is_listed_before_anything_is_called(remit: Command, bounded: Path) -> None:
    """By contract and by `remit.toml`; whoever is not named has no line until they hold a slot."""
    document = remit("limits", "--project", bounded, "--json").document

    assert document["breakers"] == [
        {
            "service": "notebook",
            "state": "closed",
            "failures": 0,
            "until": None,
            "trial": None,
            "tools": [READ],
        }
    ]
    slots = document["slots"]
    assert isinstance(slots, list)
    assert [(one["name"], one["held"], one["of"]) for one in slots if isinstance(one, dict)] == [
        ("agent:buyer", 0, 5),
        (f"tool:{READ}", 0, 8),
    ]


def test_who_holds_what_is_told(remit: Command, bounded: Path, tmp_path: Path) -> None:
    """An open breaker says until when; a slot of the run that holds it, and of how many."""
    asyncio.run(_call(f"sqlite:///{tmp_path / 'ledger.db'}"))

    document = remit("limits", "--project", bounded, "--json").document
    lines = remit("limits", "--project", bounded).out.splitlines()

    (breaker,) = document["breakers"] if isinstance(document["breakers"], list) else []
    assert isinstance(breaker, dict)
    assert (breaker["state"], breaker["failures"]) == ("open", 1)
    slots = document["slots"]
    assert isinstance(slots, list)
    assert {one["name"]: (one["held"], one["of"]) for one in slots if isinstance(one, dict)} == {
        "agent:buyer": (0, 5),
        "agent:seller": (1, 20),
        "tool:gone.away@1": (1, None),
        f"tool:{READ}": (1, 8),
        f"tool:{READ}/agent:buyer": (1, 2),
    }
    assert lines[0].startswith("breaker notebook  open, 1 failures; nothing is called before 20")
    assert f"slots tool:{READ}  1 of 8" in lines
    assert any(line.startswith(f"    {run_row().workflow_id}  first  until 20") for line in lines)


def test_a_table_that_cannot_be_used_is_said_so(remit: Command, bounded: Path) -> None:
    """As a worker would say it, with the place."""
    with (bounded / "remit.toml").open("a") as file:
        file.write("at_once = 0\n")

    ran = remit("limits", "--project", bounded, "--json")

    assert (ran.code, ran.codes) == (2, ["LIMITS-INVALID"])
    assert "limits.tenants.acme.at_once" in ran.out
