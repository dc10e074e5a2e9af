"""The register of agents: what the policies in force let them do, and what the ledger knows."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from remit.cli.questions import rules
from remit.decision.release import Draft
from remit.ledger.stops import Stop
from remit.stores.ledger import SqlLedger, open_ledger
from tests.cli.conftest import Command
from tests.cli.questions.purchase import BOUGHT, UNDONE

pytestmark = pytest.mark.opa


def in_ledger(office: Path, work: Callable[[SqlLedger], Awaitable[object]]) -> None:
    """Do something in the office's ledger."""

    async def opened() -> None:
        ledger = await open_ledger(f"sqlite:///{office}/.remit/data/ledger.db")
        await work(ledger)
        await ledger.close()

    asyncio.run(opened())


def edited(office: Path, **agents: object) -> None:
    """Change the agents in the policy folder; `None` takes one away."""
    file = office / "policies" / "data.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    known = document["remit"]["registry"]["agents"]
    for name, agent in agents.items():
        known.pop(name, None)
        if agent is not None:
            known[name] = agent
    file.write_text(yaml.safe_dump(document), encoding="utf-8")


def test_agents_stand_with_their_deeds(remit: Command, office: Path) -> None:
    """Two purchases are two runs of the buyer; the others never began one."""
    found = remit("agents", "--project", office, "--json").document
    agents = {one["name"]: one for one in found["agents"]}
    buyer = agents.pop("buyer")

    assert (buyer["state"], buyer["runs"], buyer["stops"]) == ("active", 2, [])
    assert buyer["calls"] > 10
    assert buyer["undone"] >= 3
    assert buyer["last"]["run"] == UNDONE != BOUGHT
    assert "erp.spend" in buyer["registered"]["scopes"]
    assert agents
    assert all((one["runs"], one["last"]) == (0, None) for one in agents.values())


def test_the_policies_in_force_count_and_not_the_folder(remit: Command, office: Path) -> None:
    """A released register stands until the next release, whatever was edited meanwhile."""
    edited(office, clerk={"scopes": ["crm.read"], "tenants": ["acme"], "status": "suspended"})
    bundle = rules.build(office / "policies", rules.opa_binary())
    draft = Draft(revision=bundle.revision, key="k", origin="saved", author="a test")
    in_ledger(office, lambda ledger: ledger.releases.publish(draft, bundle.content, 0))
    edited(office, clerk=None)

    found = remit("agents", "--project", office, "--json").document
    (clerk,) = [one for one in found["agents"] if one["name"] == "clerk"]
    assert (found["source"], found["revision"]) == ("release 1", bundle.revision)
    assert clerk["state"] == "suspended"


def test_one_that_the_policies_lost_is_still_told(remit: Command, office: Path) -> None:
    """It did something once, and may do nothing now."""
    edited(office, buyer=None)
    ran = remit("agents", "show", "buyer", "--project", office)
    assert "unknown" in ran.out
    assert "nothing: the policies do not know it" in ran.out
    assert "2 runs" in ran.out


def test_stops_in_force_are_told(remit: Command, office: Path) -> None:
    """Its own, and the fleet's; one that ended, or of another agent, is not."""

    async def stop(ledger: SqlLedger) -> None:
        await ledger.stop(Stop("agent:buyer", "boss", "look first", undos=True))
        await ledger.stop(Stop("agent:other", "boss", "not this one"))
        await ledger.stop(Stop("fleet", "boss", "everything"))
        await ledger.stop(Stop("fleet", "boss", "good again", in_force=False))

    in_ledger(office, stop)
    (told,) = remit("agents", "show", "buyer@9.9.9", "--project", office, "--json").document[
        "stops"
    ]
    assert (told["what"], told["by"], told["reason"]) == ("agent:buyer", "boss", "look first")
    assert (
        "STOPPED (agent:buyer, undos too)"
        in remit("agents", "show", "buyer", "--project", office).out
    )


def test_nobody_knows_that_one(remit: Command, office: Path) -> None:
    """A name that neither policies nor ledger have is an error, not an empty answer."""
    ran = remit("agents", "show", "nobody", "--project", office, "--json")
    assert (ran.code, ran.codes) == (2, ["AGENT-UNKNOWN"])


def test_people_read_a_table(remit: Command, office: Path) -> None:
    """One line each, with the state; the last one says which policies tell so."""
    lines = remit("agents", "--project", office).out.splitlines()
    assert lines[0].startswith("agent")
    assert any(line.startswith("buyer") and "active" in line for line in lines)
    assert "the policy folder" in lines[-1]
