"""What a candidate would have changed, over decisions that a real OPA made, asked of a real OPA."""

import asyncio
import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remit.cli.questions import rules
from remit.cli.whatif.asking import judging
from remit.cli.whatif.bundles import Parts
from remit.cli.whatif.promoting import Promotion, promotion
from remit.cli.whatif.reading import source
from remit.decision.promotion import Divergence, Report
from tests.cli.conftest import Command
from tests.cli.questions.test_questions import altered
from tests.cli.whatif.conftest import Reported
from tests.cli.whatif.three import AUTHOR, LOOKED_AT, OWNER, STRUCK, VETTED

pytestmark = pytest.mark.opa


def report_of(
    remit: Command, project: Path, candidate: Path, *words: str | Path, code: int = 0
) -> Report:
    """Return the report of a what-if."""
    asked = ("policy", "what-if", "--candidate", candidate, "--project", project, "--json")
    ran = remit(*asked, *words)
    assert ran.code == code, ran.err + ran.out
    return Report.model_validate(ran.document["report"])


def by_root(report: Report) -> dict[str, Divergence]:
    """Return the first differences, by run."""
    return {one.root: one for one in report.divergences}


def test_a_candidate_blocks_widens_and_gates_exactly_one_each(reported: Reported) -> None:
    """Each run's first difference is found, with its class, its cause and a test that tells."""
    report = reported.report
    found = by_root(report)

    assert report.first == {"breaks": 1, "widens": 1, "adds_gate": 1}
    assert (report.counts.unreproducible, report.counts.errors) == (0, 0)
    assert report.counts.decisions == 3 + sum(report.censored.values()) + report.counts.same
    assert {root: (one.kind, one.cause, one.tool) for root, one in found.items()} == {
        STRUCK: ("breaks", "data", "erp.place_order@1"),
        LOOKED_AT: ("adds_gate", "rules", "erp.place_order@1"),
        VETTED: ("widens", "data", "erp.place_order@1"),
    }
    assert found[STRUCK].after.codes == ["erp.supplier_not_vetted"]
    assert found[STRUCK].censored > 0
    assert (found[VETTED].before.effect, found[VETTED].permits_more) == ("deny", True)
    assert [(one.role, one.extra) for one in report.approvals if one.extra] == [
        ("finance_approver", 1),
        ("budget_holder", 1),
    ]
    pairs = {(one.permits, one.refuses): one.decisions for one in report.clashes}
    assert pairs[("erp.scoped", "erp.supplier_not_vetted")] >= 1
    assert "policy.not_granted" not in {one.refuses for one in report.clashes}
    for one in found.values():
        assert one.proof is not None
        assert (one.proof.red_before, one.proof.green_after) == (True, True)
        assert "action.arguments.supplier" in one.proof.matters


def test_the_tests_it_writes_stand_among_the_candidates_own(reported: Reported) -> None:
    """Formatted as `opa fmt` does; the smallest facts hold nothing that does not matter."""
    files = sorted(reported.tests.iterdir())

    assert len(files) == len(reported.report.divergences) == 3
    done = subprocess.run(
        [str(rules.opa_binary()), "fmt", "--fail", "--list", str(reported.tests)],
        check=False,
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (0, b"")
    assert "laptop" not in "".join(file.read_text(encoding="utf-8") for file in files)


def test_the_page_shows_each_plan_with_the_step_that_differs(reported: Reported) -> None:
    """One file that loads and runs nothing; texts of runs stay texts."""
    report = reported.report
    page = reported.page.read_text(encoding="utf-8")

    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not re.search(r"<script|<link|<img|<iframe|src=|href=|@import|url\((?!#)", page)
    assert len(re.findall(r'differs">\s*<title>order', page)) == len(report.divergences) == 3
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) == 6
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)
    assert "a policy owner has to approve this report" in page
    assert all(one.run in page for one in report.divergences)


def test_the_same_policies_change_nothing(recorded: Path, remit: Command) -> None:
    """A candidate that is what is in force: every decision is the same, nothing widens."""
    report = report_of(remit, recorded, recorded / "policies")

    assert report.candidate == report.base
    assert (report.first, report.censored, report.widens_data) == ({}, {}, [])
    assert report.counts.same == report.counts.decisions > 30


def test_a_period_leaves_out_what_was_before(
    recorded: Path, candidate: Path, remit: Command, reported: Reported
) -> None:
    """`--since` takes the decisions of that time alone; a moment that is none is wrong usage."""
    last = max(one.at_ms for one in reported.report.divergences)
    day = datetime.fromtimestamp(last / 1000, UTC).date().isoformat()
    report = report_of(remit, recorded, candidate, "--since", day)

    assert set(by_root(report)) == {VETTED}
    asked = ("policy", "what-if", "--candidate", candidate, "--project", recorded, "--json")
    assert remit(*asked, "--since", "lately").codes == ["CLI-USAGE"]
    assert remit(*asked, "--base", "sha256:0").codes == ["WHATIF-NO-BASE"]


def test_what_cannot_be_reproduced_is_set_apart(
    company: Path, candidate: Path, remit: Command
) -> None:
    """A recorded effect that its own rules do not give, and facts that are gone, prove nothing."""
    altered(
        company,
        "DELETE FROM contents WHERE digest IN (SELECT json_extract(body, '$.decision.facts') "
        "FROM records WHERE root = ? AND kind = 'intent' AND body LIKE '%get_quote%')",
        STRUCK,
    )
    report = report_of(remit, company, candidate, code=1)

    assert report.counts.unreproducible == 1
    assert set(by_root(report)) == {STRUCK, LOOKED_AT, VETTED}


def test_altered_records_are_findings_and_refuse(
    company: Path, candidate: Path, remit: Command
) -> None:
    """A record that says another effect than was decided is told; its run proves nothing."""
    altered(
        company,
        'UPDATE records SET body = replace(body, \'"effect":"deny"\', \'"effect":"allow"\') '
        "WHERE root = ? AND kind = 'decision'",
        VETTED,
    )
    report = report_of(remit, company, candidate, code=1)

    assert any("EVIDENCE-EDITED" in line for line in report.findings)
    assert report.counts.unreproducible >= 1
    assert VETTED not in by_root(report)


def test_a_candidate_that_contradicts_itself_errs_in_those_decisions_alone(
    recorded: Path, candidate: Path, remit: Command
) -> None:
    """One failing decision fails its batch; asked one by one, it hides none of the others."""
    look = candidate / "domains" / "erp" / "look.rego"
    text = look.read_text(encoding="utf-8")
    said = '_note := 1 if input.action.arguments.supplier == "sup-8"\n\n_note := 2 if '
    said += 'input.action.tool == "erp.place_order@1"\n\ngates contains lib.gate("erp.x", "x", '
    said += '_rule, "x") if _note == 3\n'
    look.write_text(f"{text}\n{said}", encoding="utf-8")
    report = report_of(remit, recorded, candidate, code=1)
    found = by_root(report)

    assert found[LOOKED_AT].kind == "error"
    assert (found[STRUCK].kind, found[VETTED].kind) == ("breaks", "widens")
    assert report.counts.errors > 0


def test_a_batch_says_what_single_questions_say(recorded: Path) -> None:
    """Decision by decision, whole and equal."""
    facts = recorded_facts(recorded)
    opa = rules.opa_binary()
    bundle = rules.build(recorded / "policies", opa)

    async def ask() -> None:
        async with judging(opa, bundle.revision, bundle.content) as judge:
            together = await judge.ask(facts)
            single = [await judge.ask_one(one) for one in facts]
            faulty = await judge.ask([b"{}", b'{"action":{"proposed_digest":1}}', *facts[:3]])
        assert together == single
        assert None not in together
        assert faulty[2:] == single[:3]
        assert [one.effect if one else "" for one in faulty[:2]] == ["deny", "deny"]

    assert len(facts) > 30
    asyncio.run(ask())


def recorded_facts(project: Path) -> list[bytes]:
    """Return the facts of every decision."""

    async def read() -> list[bytes]:
        async with source(project, None) as opened:
            pages = [page async for page in opened.pages(0, 2**53)]
            return [one.facts for page in pages for one in page.decisions if one.facts]

    return asyncio.run(read())


def test_promotion_waits_for_somebody_else_to_approve(
    company: Path, candidate: Path, remit: Command, reported: Reported
) -> None:
    """It widens: refused without an approval, and with the author's own; allowed with another's."""
    file, report = reported.file, reported.report
    assert Report.model_validate_json(file.read_bytes()) == report
    wanted = Promotion(candidate, report, AUTHOR, company)

    def said() -> tuple[str, list[str]]:
        decided = asyncio.run(promotion(wanted)).decided.decision
        return decided.effect, [one.code for one in decided.reasons]

    assert said() == ("deny", ["promotion.approval_missing"])
    assert remit("policy", "approve", file, "--by", AUTHOR, "--project", company).code == 0
    assert said() == ("deny", ["promotion.approval_missing"])
    assert remit("policy", "approve", file, "--by", OWNER, "--project", company).code == 0
    assert said() == ("allow", ["promotion.permitted"])


def test_a_report_that_was_written_by_hand_promotes_nothing(
    company: Path, candidate: Path, remit: Command, tmp_path: Path, reported: Reported
) -> None:
    """Counts that were changed, other policies, another ledger and no report at all are refused."""
    report = reported.report
    counts = report.counts.model_copy(update={"widens": 0})
    forged = report.model_copy(update={"counts": counts, "widens_data": []})
    head = report.head.model_copy(update={"root": "00"}) if report.head else None
    foreign = report.model_copy(update={"head": head})

    def code(given: Report | None, of: Path = candidate) -> str:
        with pytest.raises(Exception) as refused:
            asyncio.run(promotion(Promotion(of, given, AUTHOR, company)))
        return str(refused.value).split(":")[0]

    assert code(forged) == "PROMOTION-DIFFERS"
    assert code(foreign) == "PROMOTION-FOREIGN"
    assert code(report, company / "policies") == "PROMOTION-OTHER-CANDIDATE"
    assert code(None) == "PROMOTION-REPORT"
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({"format": "remit.whatif/v1"}), encoding="utf-8")
    ran = remit("policy", "approve", broken, "--by", OWNER, "--project", company, "--json")
    assert (ran.code, ran.codes) == (2, ["PROMOTION-REPORT"])


def test_a_hybrid_has_the_rules_of_one_and_the_data_of_the_other(
    recorded: Path, candidate: Path
) -> None:
    """Its parts are those of the bundles, and it is served under a name of its own."""
    opa = rules.opa_binary()
    old = Parts(rules.build(recorded / "policies", opa).content)
    new = Parts(rules.build(candidate, opa).content)
    hybrid = Parts(old.with_data(new.data, "hybrid"))

    assert hybrid.rules == old.rules != new.rules
    assert {**hybrid.data, "revision": 0} == {**new.data, "revision": 0}
    assert hybrid.data["revision"] == "hybrid"
