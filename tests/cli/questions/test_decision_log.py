"""Decisions as lines for other systems: all of them, once each, and nothing that has a class."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.evidence.decisionline import contents_of
from remit.ledger.entries import Record
from remit.stores import decided
from remit.stores.ledger import open_ledger
from tests.cli.conftest import Command
from tests.cli.questions.purchase import BOUGHT, KEY, UNDONE

pytestmark = pytest.mark.opa
FIELDS = {
    *("schema", "position", "time", "run", "record", "workflow", "plan", "agent", "on_behalf_of"),
    *("tenant", "kind", "step", "about", "tool", "effect", "reasons", "permits", "risk"),
    *("obligations", "host", "revision", "decision_id", "facts"),
}
"""What `remit.decision/v1` promises; a field may be added here, none may be taken away."""


@pytest.fixture
def signed(office: Path) -> Path:
    """The purchases, all of their records in the signed log."""

    async def sequence() -> None:
        ledger = await open_ledger(f"sqlite:///{office}/.remit/data/ledger.db")
        while await ledger.log.sequence(KEY):
            pass
        await ledger.close()

    asyncio.run(sequence())
    return office


def exported(remit: Command, project: Path, *more: str) -> list[JSONObject]:
    """Return the lines that `remit policy log` prints."""
    ran = remit("policy", "log", "--format", "jsonl", "--project", project, *more)
    assert ran.code == 0, ran
    return [json.loads(line) for line in ran.out.splitlines()]


def recorded(project: Path) -> int:
    """Return how many records of the ledger hold the answer of a policy."""
    with sqlite3.connect(project / ".remit" / "data" / "ledger.db") as database:
        bodies = [json.loads(body) for (body,) in database.execute("SELECT body FROM records")]
    return len([body for body in bodies if "effect" in body.get("decision", body)])


def test_every_recorded_decision_is_a_line(remit: Command, signed: Path) -> None:
    """As many as the ledger holds, in order, each with its run, its rule and its revision."""
    lines = exported(remit, signed)

    assert len(lines) == recorded(signed) > 20
    assert all(line.keys() == FIELDS for line in lines)
    positions = [line["position"] for line in lines]
    assert positions == sorted(set(positions))
    assert {line["kind"] for line in lines} == {"admission", "call", "system", "vote"}
    assert {line["run"] for line in lines} == {BOUGHT, UNDONE}
    assert {line["effect"] for line in lines} == {"allow", "deny", "require_approval"}
    for line in lines:
        assert str(line["revision"]).startswith("sha256:")
        assert str(line["facts"]).startswith("sha256:")
        assert line["agent"]
        assert line["tenant"] == "acme"
        assert line["reasons"] or line["permits"]


def test_it_goes_on_where_it_stopped(
    remit: Command, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the sizes of windows and pages: no line twice, none left out."""
    whole = exported(remit, signed)
    monkeypatch.setattr(decided, "WINDOW", 7)
    monkeypatch.setattr(decided, "MOST", 2)
    assert exported(remit, signed) == whole

    middle = whole[len(whole) // 2]
    behind = exported(remit, signed, "--after", str(middle["position"]))
    assert [line for line in whole if line["position"] <= middle["position"]] + behind == whole
    assert exported(remit, signed, "--after", str(whole[-1]["position"])) == []


def test_a_period_has_a_beginning(remit: Command, signed: Path) -> None:
    """Later ones only; one of a millisecond belongs to the period that begins with it."""
    whole = exported(remit, signed)
    moment = str(whole[9]["time"])
    later = [line for line in whole if str(line["time"]) >= moment]

    assert exported(remit, signed, "--since", moment) == later
    assert exported(remit, signed, "--since", "2099-01-01") == []


def test_without_contents_nothing_of_them_is_told(remit: Command, signed: Path) -> None:
    """No argument, and no text of a rule, which may repeat one."""
    text = json.dumps(exported(remit, signed))
    assert "res-1" not in text
    assert "4100000000" not in text
    assert "message" not in text


def test_contents_are_told_where_nothing_has_a_class(remit: Command, signed: Path) -> None:
    """Words of rules about votes are; of calls nothing, for each of these has classified data."""
    lines = exported(remit, signed, "--contents")
    told = [line for line in lines if line["contents"]]
    withheld = [line for line in lines if line["withheld"]]

    assert len(told) + len(withheld) == len(lines)
    assert "does not hold the role" in json.dumps(told)
    assert {line["kind"] for line in withheld} == {"call"}
    assert not [line for line in told if line["tool"]]
    assert all(line["contents"] is None for line in withheld)


def test_arguments_without_a_class_are_told() -> None:
    """As they were decided on."""
    action: JSONObject = {"data_classes": [], "inflow": [], "arguments": {"name": "a lamp"}}
    decision: JSONObject = {"reasons": [{"code": "a.b", "message": "why"}], "obligations": []}
    assert contents_of(decision, {"action": action}) == {
        "contents": {"messages": ["why"], "arguments": {"name": "a lamp"}},
        "withheld": [],
    }


@pytest.mark.parametrize(
    ("action", "obligations", "withheld"),
    [
        ({"data_classes": ["personal"], "inflow": []}, [], ["personal"]),
        ({"data_classes": [], "inflow": ["payment", "personal"]}, [], ["payment", "personal"]),
        ({"data_classes": [], "inflow": []}, [{"type": "redact"}], ["redacted"]),
    ],
)
def test_what_has_a_class_is_withheld(
    action: JSONObject, obligations: list[JSONObject], withheld: list[str]
) -> None:
    """By the tool, by what flowed into its arguments, or by what policy had redacted."""
    facts: JSONObject = {"action": {**action, "arguments": {"name": "Ann"}}}
    assert contents_of({"obligations": [*obligations]}, facts) == {
        "contents": None,
        "withheld": withheld,
    }


def test_forgotten_facts_are_told_to_be_absent() -> None:
    """A line stays, its contents are gone."""
    assert contents_of({}, None) == {"contents": None, "withheld": ["facts_absent"]}


def test_people_read_a_line_too(remit: Command, signed: Path) -> None:
    """The plain form names effect, rule, call and run."""
    ran = remit("policy", "log", "--project", signed)
    assert "require approval" in ran.out
    assert "erp.place_order@1" in ran.out


def test_records_that_wait_for_the_log_are_told_of(remit: Command, signed: Path) -> None:
    """They are no lines yet; whoever asks again behind the last one gets them."""
    before = exported(remit, signed)

    async def append() -> None:
        ledger = await open_ledger(f"sqlite:///{signed}/.remit/data/ledger.db")
        body: JSONObject = {"decision": {"effect": "allow"}}
        await ledger.append(BOUGHT, [Record("decision", body)])
        await ledger.close()

    assert "not in the signed log yet" not in remit("policy", "log", "--project", signed).err
    asyncio.run(append())
    assert exported(remit, signed) == before
    assert "not in the signed log yet" in remit("policy", "log", "--project", signed).err
