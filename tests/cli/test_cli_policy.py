"""`remit policy build|publish|rollback|releases` (real OPA, real ledger)."""

import re
import shutil
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.cli.policy_delivery.promotion import WAYS_OUT
from remit.cli.stack.components import core_policies
from remit.cli.stack.layout import Layout
from remit.cli.stack.signing import keep_key
from tests.cli.conftest import Command

pytestmark = pytest.mark.opa
_OWNERS = ("ann", "eve")


@pytest.fixture
def shop(notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a key and a ledger, and no stack."""
    layout = Layout(notes)
    layout.create()
    keep_key(layout.policy_key, "dev")
    monkeypatch.setenv("REMIT_LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.delenv("REMIT_ENVIRONMENT", raising=False)
    return notes


def edit(shop: Path, word: str) -> None:
    """Save another policy."""
    (file,) = [one for one in (shop / "policies").rglob("*.rego") if "_test" not in one.name]
    file.write_text(file.read_text() + f"\n# {word}\n")


def publish(remit: Command, shop: Path, *options: str) -> JSONObject:
    """Publish, and return what is told."""
    ran = remit("policy", "publish", "--by", "ann", "--project", shop, "--json", *options)
    assert ran.code == 0, ran.out
    return ran.document


def test_building_puts_nothing_in_force(remit: Command, shop: Path, tmp_path: Path) -> None:
    """The file is signed, with key and scope named; the ledger has no release."""
    file = tmp_path / "bundle.tar.gz"
    ran = remit("policy", "build", "-o", file, "--project", shop, "--json")

    assert ran.code == 0
    assert ran.document["scope"] == "dev"
    assert str(ran.document["key"]).startswith("policy-")
    assert file.read_bytes()[:2] == b"\x1f\x8b"
    listed = remit("policy", "releases", "--project", shop, "--json").document
    assert listed["releases"] == []


def test_forward_and_back(remit: Command, shop: Path) -> None:
    """Each gets a serial of its own; the list says who did what, and why."""
    first = publish(remit, shop)
    assert (first["serial"], first["is_new"], first["is_active"]) == (1, True, None)
    assert publish(remit, shop)["is_new"] is False
    edit(shop, "tighter")
    second = publish(remit, shop, "--reason", "new limits")
    assert second["serial"] == 2
    back = (
        "policy",
        "rollback",
        str(first["revision"])[:20],
        "--by",
        "eve",
        "--reason",
        "too tight",
    )
    back = (*back, "--reason", "too tight", "--project", shop, "--json")
    third = remit(*back).document

    assert (third["serial"], third["revision"]) == (3, first["revision"])
    assert third["archive"] == first["archive"]
    told = remit("policy", "releases", "--project", shop).out
    assert "rolled back by eve" in told.splitlines()[0]
    assert "too tight" in told
    assert "new limits" in told
    assert remit(*back).document["is_new"] is False


def test_what_cannot_be_gone_back_to(remit: Command, shop: Path, tmp_path: Path) -> None:
    """An unknown release, one below the floor, one of a key that nobody verifies with."""
    publish(remit, shop)
    back = ("policy", "rollback", "--by", "ann", "--reason", "x", "--project", shop, "--json")
    assert remit(*back, "9").codes == ["RELEASE-UNKNOWN"]
    assert remit(*back, "deadbeef").codes == ["RELEASE-UNKNOWN"]
    first = Path(shutil.copytree(shop / "policies", tmp_path / "first"))
    edit(shop, "b")
    publish(remit, shop, "--floor")
    assert remit(*back, "1").codes == ["RELEASE-BELOW-FLOOR"]
    trial = ("policy", "canary", "start", first, "--percent", "5", "--by", "ann")
    assert remit(*trial, "--project", shop, "--json").codes == ["RELEASE-BELOW-FLOOR"]
    edit(shop, "c")
    keep_key(tmp_path / "next.key", "dev")
    publish(remit, shop, "--key", str(tmp_path / "next.key"))
    assert remit(*back, "2").codes == ["POLICY-KEY"]
    listed = remit("policy", "releases", "--project", shop, "--json").document["releases"]
    assert isinstance(listed, list)
    assert len(listed) == 3


def test_reviewed_policies_need_leave(remit: Command, shop: Path) -> None:
    """The first release has no predecessor; the next is refused without a report."""
    with (shop / "remit.toml").open("a") as file:
        file.write('\n[policy]\nreview = "required"\n')
    publish(remit, shop)
    edit(shop, "wider")
    refused = remit("policy", "publish", "--by", "ann", "--project", shop, "--json")

    assert (refused.code, refused.codes) == (1, ["POLICY-NOT-PROMOTED"])
    listed = remit("policy", "releases", "--project", shop, "--json").document["releases"]
    assert isinstance(listed, list)
    assert len(listed) == 1


def test_each_way_out_is_of_a_reason_that_the_rules_give() -> None:
    """One for each refusal that somebody at the command line can mend, under its own code."""
    rules = (core_policies() / "promotion" / "promotion.rego").read_text(encoding="utf-8")
    said = set(re.findall(r'lib\.reason\("(promotion\.[a-z_]+)"', rules))

    assert said - WAYS_OUT.keys() == {"promotion.permitted", "promotion.unverified"}
    assert WAYS_OUT.keys() <= said


def test_a_key_that_no_opa_verifies_with_signs_nothing(
    remit: Command, shop: Path, tmp_path: Path
) -> None:
    """Better told before than found out by a fleet that stays behind."""
    public = keep_key(tmp_path / "other.key", "dev").public
    (shop / "policy.pub").write_text(public.pem)
    with (shop / "remit.toml").open("a") as file:
        file.write('\n[policy]\npublic_key = "policy.pub"\n')
    order = ("policy", "publish", "--by", "ann", "--project", shop, "--json")

    assert remit(*order).codes == ["POLICY-KEY"]
    assert publish(remit, shop, "--key", str(tmp_path / "other.key"))["serial"] == 1


@pytest.mark.parametrize("content", [None, b"", b"no key", b"-----BEGIN PRIVATE KEY-----"])
def test_what_is_no_key(remit: Command, shop: Path, tmp_path: Path, content: bytes | None) -> None:
    """A missing or malformed file is named, with the way to make one."""
    file = tmp_path / "bad.key"
    if content is not None:
        file.write_bytes(content)
    order = ("policy", "publish", "--by", "ann", "--project", shop, "--json", "--key", file)

    assert remit(*order).codes == ["POLICY-KEY"]


def test_a_canary_needs_what_publishing_needs(remit: Command, shop: Path, tmp_path: Path) -> None:
    """Where policies are reviewed: a report, and, as long as nothing is known, an approval.

    Without a stack nothing can be served, which is the first thing behind the leave.
    """
    with (shop / "remit.toml").open("a") as file:
        file.write('\n[policy]\nreview = "required"\n')
    data = shop / "policies" / "data.yaml"
    owners = "".join(f"      {name}@notes.example: {{roles: [policy_owner]}}\n" for name in _OWNERS)
    data.write_text(data.read_text().replace("    people:\n", f"    people:\n{owners}"))
    candidate = Path(shutil.copytree(shop / "policies", tmp_path / "candidate"))
    here = ("--project", shop, "--json")
    order = (
        "policy",
        "canary",
        "start",
        candidate,
        "--percent",
        "5",
        "--by",
        "ann@notes.example",
        *here,
    )
    assert remit(*order).codes == ["CANARY-NO-RELEASE"]
    base = str(publish(remit, shop)["revision"])
    assert remit(*order).codes == ["CANARY-SAME"]
    (rego,) = [one for one in candidate.rglob("*.rego") if "_test" not in one.name]
    rego.write_text(rego.read_text() + "\n# another\n")
    assert remit(*order).codes == ["POLICY-NOT-PROMOTED"]
    report = tmp_path / "report.json"
    what_if = ("policy", "what-if", "--candidate", candidate, "--report", report, "--base", base)
    assert remit(*what_if, "--project", shop).code == 0
    unapproved = remit(*order, "--report", report)
    assert unapproved.codes == ["POLICY-NOT-PROMOTED"]
    assert "remit policy approve REPORT --by NAME" in unapproved.out
    for name, codes in zip(_OWNERS, (["POLICY-NOT-PROMOTED"], ["STACK-NOT-RUNNING"]), strict=True):
        approve = ("policy", "approve", report, "--by", f"{name}@notes.example")
        assert remit(*approve, "--project", shop).code == 0
        assert remit(*order, "--report", report).codes == codes
    assert remit("policy", "canary", "status", *here).document["canary"] is None
