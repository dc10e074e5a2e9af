"""`remit vendors`: who stands behind each tool, by the policies that would refuse it (real OPA)."""

from pathlib import Path

import pytest
import yaml

from remit.canonical import JSONObject
from remit.cli.stack.layout import Layout
from remit.cli.stack.signing import keep_key
from tests.cli.conftest import Command

pytestmark = pytest.mark.opa
_WRITE, _READ = "notes.write_note@1", "notes.read_note@1"


@pytest.fixture
def shelf(notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a key and a ledger, and no stack."""
    layout = Layout(notes)
    layout.create()
    keep_key(layout.policy_key, "dev")
    monkeypatch.setenv("REMIT_LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    return notes


def having(shelf: Path, **packs: object) -> None:
    """Write tables of the packs into the project's data."""
    file = shelf / "policies" / "data.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["remit"]["registry"].setdefault("thresholds", {})["packs"] = packs
    file.write_text(yaml.safe_dump(document), encoding="utf-8")


def vendor(due_ms: int, risk: str = "low") -> JSONObject:
    """Return who stands behind a tool."""
    return {"name": "Paper Ltd", "risk": risk, "review_due_ms": due_ms}


def told(remit: Command, shelf: Path, *options: str) -> dict[str, JSONObject]:
    """Return what is told of each tool."""
    found = remit("vendors", "--project", shelf, "--json", *options).document["tools"]
    assert isinstance(found, list)
    return {str(one["tool"]): one for one in found if isinstance(one, dict)}


def test_without_a_table_nothing_is_refused(remit: Command, shelf: Path) -> None:
    """Every tool of the project is listed, and nobody stands behind it."""
    ran = remit("vendors", "--project", shelf)

    assert ran.code == 0
    assert _WRITE in ran.out
    assert "REFUSED" not in ran.out
    assert "the policy folder; nothing was released yet" in ran.out


def test_a_tool_is_told_as_the_rules_would_refuse_it(remit: Command, shelf: Path) -> None:
    """Unknown, overdue, too risky, asked about: each by the rule's own code; the exit code is 1."""
    rule = {
        "needed": [{"tool": _READ}],
        "risk": {"critical": "deny", "high": "approve"},
        "gate": {"role": "buyer", "expires_in_ms": 1000},
    }
    late, gone = 4_102_444_800_000, "paper.print@1"  # the year 2100
    having(shelf, vendor_rule=rule, vendors={_WRITE: vendor(1), gone: vendor(late)})
    first = told(remit, shelf)
    having(shelf, vendor_rule=rule, vendors={_WRITE: vendor(late, "critical")})
    second = told(remit, shelf)
    having(shelf, vendor_rule=rule, vendors={_WRITE: vendor(late, "high"), _READ: vendor(late)})
    third = told(remit, shelf)

    assert (first[_WRITE]["refused"], first[_READ]["refused"]) == (
        ["vendor.review_overdue"],
        ["vendor.unknown"],
    )
    assert (first[gone]["is_known"], first[gone]["refused"]) == (False, [])
    assert (second[_WRITE]["refused"], second[_WRITE]["asks"]) == (["vendor.risk"], [])
    assert (third[_WRITE]["refused"], third[_WRITE]["asks"]) == ([], ["buyer"])
    assert third[_READ]["refused"] == []
    assert remit("vendors", "--project", shelf).code == 0
    having(shelf, vendor_rule=rule, vendors={})
    ran = remit("vendors", "--project", shelf)
    assert ran.code == 1
    assert "REFUSED: nobody has looked at who stands behind it" in ran.out


def test_what_is_due_soon_is_marked(remit: Command, shelf: Path) -> None:
    """Within as many days as were asked for."""
    having(shelf, vendors={_WRITE: vendor(4_102_444_800_000)})

    assert told(remit, shelf)[_WRITE]["is_due_soon"] is False
    assert told(remit, shelf, "--within", "100000")[_WRITE]["is_due_soon"] is True


def test_the_release_counts_and_not_the_folder(remit: Command, shelf: Path) -> None:
    """What was saved since is in force nowhere."""
    having(shelf, vendors={_WRITE: vendor(1)})
    assert remit("policy", "publish", "--by", "ann", "--project", shelf).code == 0
    having(shelf, vendors={})

    assert told(remit, shelf)[_WRITE]["refused"] == ["vendor.review_overdue"]
    assert "by release 1" in remit("vendors", "--project", shelf).out
