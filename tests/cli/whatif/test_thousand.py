"""A thousand decisions of a real OPA, recorded, come out again one by one, and in pages."""

import asyncio
import random
from pathlib import Path

import pytest

from remit.cli.questions import rules
from remit.cli.whatif import reading
from remit.cli.whatif.making import Made, Question, make
from remit.cli.whatif.reading import source
from remit.decision.facts import CostFact, Facts
from remit.enforcement.deciding import facts_of, recorded
from remit.ledger.entries import Record
from remit.stores.ledger import open_ledger
from tests.policies.given import NOW_MS, call
from tests.stores.ledger_values import HandClock

pytestmark = pytest.mark.opa
CHAINS, EACH = 40, 25
_POLICIES = """remit:
  registry:
    agents:
      buyer: {tenants: [acme], scopes: [desk.read, desk.write, desk.spend, finance.*]}
    people:
      owner@acme.example: {roles: [policy_owner]}
    egress: {acme: [desk.acme.example]}
"""
_DOMAIN = """package remit.domains.desk.scopes

import rego.v2

import data.remit.lib

permits contains lib.reason("desk.scope", "domains.desk.scopes", "scoped") if lib.is_scoped
"""


def some_facts(rng: random.Random) -> Facts:
    """Return facts about which rules of many kinds speak."""
    return call(
        operation=rng.choice(["read", "write", "spend", "delete"]),
        cost=CostFact(micros=rng.choice([0, 5, 900, 5000]), currency=rng.choice(["EUR", "USD"])),
        domain=rng.choice(["desk", "desk", "desk", "unknown"]),
        confidence=rng.choice([None, 0.1, 0.9]),
        irreversible=rng.random() < 0.2,
        destinations=rng.choice([[], ["desk.acme.example"], ["evil.example"]]),
        arguments={"what": "ä\\u2028<b>", "many": rng.randrange(1000)},
        autonomy=rng.choice(["unattended", "approve"]),
    )


def project_in(folder: Path) -> Path:
    """Make a project with policies and a place for a ledger."""
    (folder / "policies" / "domains" / "desk").mkdir(parents=True)
    (folder / ".remit" / "data").mkdir(parents=True)
    (folder / "remit.toml").write_text("", encoding="utf-8")
    (folder / "policies" / "data.yaml").write_text(_POLICIES, encoding="utf-8")
    rules_file = folder / "policies" / "domains" / "desk" / "scopes.rego"
    rules_file.write_text(_DOMAIN, encoding="utf-8")
    return folder


async def record(project: Path) -> None:
    """Ask a real OPA, and keep what it said as runs do."""
    rng, clock = random.Random(7), HandClock(NOW_MS)  # noqa: S311 - no secret
    opa = rules.opa_binary()
    bundle = rules.build(project / "policies", opa)
    ledger = await open_ledger(f"sqlite:///{project}/.remit/data/ledger.db", clock=clock)
    await ledger.log.keep_bundle(bundle.revision, bundle.content)
    async with rules.serving(opa, bundle.content) as judge:
        for number in range(CHAINS):
            records = []
            for _ in range(EACH):
                decided = await judge.decide(some_facts(rng))
                body = {"step_key": "a:b:do", "tool": "t@1", "decision": recorded(decided)}
                records.append(Record("decision", body, [facts_of(decided)]))
            await ledger.append(f"run-{number}", records)
    await ledger.close()


async def compared(project: Path) -> Made:
    """Return what a what-if with the same policies finds."""
    async with source(project, None) as opened:
        question = Question(project / "policies", 0, "", project, until_ms=NOW_MS)
        return await make(opened, question)


def test_a_thousand_decisions_come_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No difference and nothing set apart, read in pages of many runs."""
    project = project_in(tmp_path / "desk")
    asyncio.run(record(project))
    monkeypatch.setattr(reading, "PAGE", 300)
    monkeypatch.setattr(reading, "_ROOTS", 7)
    report = asyncio.run(compared(project)).report

    assert (report.counts.decisions, report.counts.runs) == (CHAINS * EACH, CHAINS)
    assert (report.counts.same, report.counts.unreproducible) == (CHAINS * EACH, 0)
    assert (report.first, report.findings) == ({}, [])
