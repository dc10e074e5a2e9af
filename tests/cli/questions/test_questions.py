"""The auditor's questions and their answers, about two purchases, from the ledger and an archive.

The expected texts stand in `golden/`; digests are shortened to their kind there, for they change
with every contract. `REMIT_GOLDEN=write` writes them anew.
"""

import asyncio
import io
import json
import os
import re
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from remit.canonical import JSON, JSONObject
from remit.evidence import verifier
from remit.stores.exporting import Exporter
from remit.stores.ledger import open_ledger
from tests.cli.conftest import Command
from tests.cli.questions.purchase import BOUGHT, KEY, UNDONE

pytestmark = pytest.mark.opa
GOLDEN = Path(__file__).parent / "golden"


def plain(text: str) -> str:
    """Return an answer without what differs from version to version."""
    return re.sub(r"sha256:[0-9a-f]+", "sha256:…", text)


def same_as(name: str, text: str) -> None:
    """Hold an answer against the one that was written down."""
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("REMIT_GOLDEN") == "write":
        file.write_text(plain(text), encoding="utf-8")
    assert plain(text) == file.read_text(encoding="utf-8")


def archived(office: Path, root: str, file: Path) -> Path:
    """Export a run; return its archive."""

    async def export() -> None:
        ledger = await open_ledger(f"sqlite:///{office}/.remit/data/ledger.db")
        run = await ledger.log.run_of(root)
        assert run is not None
        with file.open("w+b") as opened:
            await Exporter(ledger.log).export(run, opened)
        await ledger.close()

    asyncio.run(export())
    return file


def altered(office: Path, statement: str, *values: str | bytes) -> None:
    """Change the ledger as somebody with its file could: past the triggers."""
    with sqlite3.connect(office / ".remit" / "data" / "ledger.db") as database:
        for table in ("contents", "records", "bundles"):
            for verb in ("update", "delete"):
                database.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
        assert database.execute(statement, values).rowcount > 0


def listed(document: JSONObject, *names: str) -> list[JSONObject]:
    """Return a list of objects inside a document."""
    found: JSON = document
    for name in names:
        assert isinstance(found, dict)
        found = found[name]
    assert isinstance(found, list)
    return [one for one in found if isinstance(one, dict)]


QUESTIONS = {
    "state-then": ("state", UNDONE, "--at", "30"),
    "state-last": ("state", BOUGHT),
    "lineage-outcome": ("lineage", "--outcome", BOUGHT, "entry"),
    "lineage-undo": ("lineage", "--outcome", UNDONE, "undo:order"),
    "lineage-input": ("lineage", "--input", BOUGHT, "quote"),
    "audit-who": ("audit", BOUGHT, "--only", "who"),
    "audit-touched": ("audit", BOUGHT, "--only", "touched", "--values"),
    "audit-rules": ("audit", BOUGHT, "--only", "rules"),
    "replay": ("decision", "replay", UNDONE),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_is_the_one_written_down(made: Path, remit: Command, name: str) -> None:
    """Each question is answered word for word; the stack does not run."""
    ran = remit(*QUESTIONS[name], "--project", made)

    assert ran.code == 0, ran.err
    same_as(name, ran.out)


@pytest.mark.parametrize("name", ["state-last", "lineage-outcome", "audit-touched", "audit-who"])
def test_an_archive_answers_like_the_ledger(
    office: Path, remit: Command, tmp_path: Path, name: str
) -> None:
    """Offline, far from any project, the same words come out of the archive."""
    file = archived(office, BOUGHT, tmp_path / "run.zip")
    words = [one for one in QUESTIONS[name] if one != BOUGHT]
    ran = remit(*words, "--archive", file)

    assert ran.code == 0, ran.err
    same_as(name, ran.out)


def test_an_archive_is_replayed_offline(office: Path, remit: Command, tmp_path: Path) -> None:
    """Bundles, facts and the compiler's inputs are all in it: nothing else is needed."""
    file = archived(office, BOUGHT, tmp_path / "run.zip")
    told = remit("decision", "replay", "--archive", file, "--json").document

    assert told["ok"] is True
    (then,) = listed(told, "replays")
    assert (then["rules"], then["counts"]) == ("then", {"same": 15})
    assert [one["same"] for one in listed(told, "plans")] == [True]


def test_a_step_can_be_asked_about_alone(made: Path, remit: Command) -> None:
    """`--step` takes a path or an id; a step that nobody knows is wrong usage."""
    asked = ("decision", "replay", BOUGHT, "--rules", "then", "--project", made, "--json")
    told = remit(*asked, "--step", "order").document
    (then,) = listed(told, "replays")

    effects = [one["recorded"] for one in listed(then, "decisions")]
    assert effects == ["require_approval", "allow", "allow"]
    assert remit(*asked, "--step", "nothing").codes == ["STEP-NOT-RECORDED"]


def test_todays_rules_refuse_what_was_done(office: Path, remit: Command) -> None:
    """After a rule was tightened, the report names the actions that it would have stopped."""
    data = office / "policies" / "data.yaml"
    text = data.read_text(encoding="utf-8")
    data.write_text(text.replace("          - finance.post_entry@1\n", ""), encoding="utf-8")
    asked = ("decision", "replay", BOUGHT, "--project", office)
    told = remit(*asked, "--json")
    then, today = listed(told.document, "replays")

    assert told.code == 1
    assert then["counts"] == {"same": 15}
    stopped = [one for one in listed(today, "decisions") if one["verdict"] == "stricter"]
    assert {(one["about"], one["recorded"], one["now"]) for one in stopped} >= {
        ("call of entry", "allow", "deny")
    }
    overtaken = today["overtaken"]
    assert isinstance(overtaken, list)
    assert [one["record"] for one in stopped if one["taken"]] == overtaken
    assert "would not be taken so" in remit(*asked, "--rules", "today").out


def test_rules_of_a_folder_are_asked(made: Path, remit: Command, tmp_path: Path) -> None:
    """`--rules DIR` asks policies that nobody serves; an empty folder permits no agent anything."""
    empty = tmp_path / "policies"
    empty.mkdir()
    ran = remit("decision", "replay", BOUGHT, "--rules", empty, "--project", made, "--json")
    (other,) = listed(ran.document, "replays")
    counts = other["counts"]

    assert isinstance(counts, dict)
    assert (counts["stricter"], counts["same"]) == (13, 2)
    assert remit("decision", "replay", BOUGHT, "--rules", "nowhere", "--project", made).code == 2


FORGET: dict[str, Callable[[Path], None]] = {
    "its facts are not kept": lambda office: altered(
        office,
        "DELETE FROM contents WHERE digest IN (SELECT json_extract(body, '$.decision.facts') "
        "FROM records WHERE root = ? AND kind = 'intent' AND body LIKE '%get_quote%')",
        BOUGHT,
    ),
    "is not kept": lambda office: altered(office, "DELETE FROM bundles WHERE body != ?", b""),
}


@pytest.mark.parametrize("why", FORGET)
def test_what_is_absent_is_never_equal(office: Path, remit: Command, why: str) -> None:
    """A decision without its facts, or without the rules of its time, is not reproducible."""
    FORGET[why](office)
    asked = ("decision", "replay", BOUGHT, "--rules", "then", "--project", office, "--json")
    ran = remit(*asked, "--step", "quote")
    (then,) = listed(ran.document, "replays")
    (decision,) = listed(then, "decisions")

    assert ran.code == 1
    assert (decision["verdict"], decision["now"]) == ("not_reproducible", None)
    assert why in str(decision["why"])


def test_a_bundle_that_was_altered_is_not_asked(office: Path, remit: Command) -> None:
    """Its digest is checked first: other rules under the old revision prove nothing."""
    altered(office, "UPDATE bundles SET body = ?", b"other rules")
    ran = remit("decision", "replay", BOUGHT, "--rules", "then", "--project", office, "--json")
    (then,) = listed(ran.document, "replays")

    assert (ran.code, then["counts"]) == (1, {"not_reproducible": 15})


def test_a_plan_that_lost_an_input_of_the_compiler_is_told(office: Path, remit: Command) -> None:
    """Without a contract the plan cannot be compiled again, and is not said to be the same."""
    altered(
        office,
        "DELETE FROM contents WHERE digest IN (SELECT json_extract(body, '$.contract') "
        "FROM records WHERE root = ? AND kind = 'intent' AND body LIKE '%get_quote%')",
        BOUGHT,
    )
    ran = remit("decision", "replay", BOUGHT, "--rules", "then", "--project", office, "--json")
    (plan,) = listed(ran.document, "plans")

    assert (ran.code, plan["same"], plan["again"]) == (1, False, None)
    assert plan["why"] == "the contract of supplier.get_quote@1 is not kept"


@pytest.mark.parametrize("name", ["state-last", "lineage-outcome", "audit-who"])
def test_altered_records_are_told_before_any_answer(
    office: Path, remit: Command, name: str
) -> None:
    """One changed letter in a record, and the answer begins with it and ends with 1."""
    altered(
        office,
        "UPDATE records SET body = replace(body, 'budget.holder', 'budget.hacker') "
        "WHERE root = ? AND kind = 'vote'",
        BOUGHT,
    )
    ran = remit(*QUESTIONS[name], "--project", office)

    assert ran.code == 1
    assert ran.out.startswith("These records are NOT as they were written")
    assert "EVIDENCE-EDITED  record 13" in ran.out


def test_a_value_is_followed_over_all_runs(made: Path, remit: Command) -> None:
    """The inputs that both purchases were given lead to the effects of both, undone ones too."""
    told = remit("lineage", "--outcome", BOUGHT, "quote", "--project", made, "--json").document
    nodes = {str(one["id"]): one for one in listed(told, "nodes")}
    digest = str(nodes["inputs:"]["digest"])
    found = remit("lineage", "--input", digest, "--project", made, "--json").document
    effects = listed(found, "effects")

    assert {str(one["run"]) for one in effects} == {f"remit/acme/{one}" for one in (BOUGHT, UNDONE)}
    done = {str(one["path"]): one["undone"] for one in effects if one["direction"] == "do"}
    assert done.keys() == {"budget", "order", "entry", "confirm", "notify[0]"}
    assert [one["path"] for one in effects if one["undone"]] == [
        "budget", "order", "entry", "confirm",
    ]  # fmt: skip


def test_an_output_made_elsewhere_is_another_value(made: Path, remit: Command) -> None:
    """Equal quotes of two runs are two: only the effects of the run that was named count."""
    found = remit("lineage", "--input", UNDONE, "quote", "--project", made, "--json").document

    assert {one["run"] for one in listed(found, "effects")} == {f"remit/acme/{UNDONE}"}


def test_a_contract_is_followed_to_its_calls(made: Path, remit: Command) -> None:
    """The digest of a tool's contract leads to the calls under it and to what came of them."""
    told = remit("lineage", "--outcome", BOUGHT, "entry", "--project", made, "--json").document
    nodes = {str(one["id"]): one for one in listed(told, "nodes")}
    found = remit(
        "lineage", "--input", str(nodes["entry"]["contract"]), "--project", made, "--json"
    ).document

    assert {(one["root"], one["path"]) for one in listed(found, "effects")} == {
        (BOUGHT, "entry"),
        (UNDONE, "entry"),
    }


def test_facts_are_in_the_evidence_and_missed_when_they_are_gone(office: Path) -> None:
    """The archive holds every decision's facts; gone without a record of it, they refute it."""
    file = archived(office, BOUGHT, office / "run.zip")
    packed = file.read_bytes()
    whole = verifier.verify(io.BytesIO(packed), [KEY.public])
    altered(office, "DELETE FROM contents WHERE instr(body, ?) = 1", b'{"action":')
    file = archived(office, BOUGHT, office / "less.zip")
    less = verifier.verify(io.BytesIO(file.read_bytes()), [KEY.public])

    assert [one.code.value for one in whole.findings] == ["EVIDENCE-HISTORY-ABSENT"]
    assert not less.holds
    assert {one.code.value for one in less.findings} == {
        "EVIDENCE-CONTENT-ABSENT",
        "EVIDENCE-HISTORY-ABSENT",
    }
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        bodies = [opened.read(one) for one in opened.namelist() if one.startswith("contents/")]
    facts = [json.loads(body) for body in bodies if body.startswith(b'{"action":')]
    assert sorted(one["kind"] for one in facts) == sorted(
        ["admission", "system", "vote", "vote", *["call"] * 11]
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("state",), "CLI-USAGE"),
        (("state", BOUGHT, "--at", "yesterday"), "CLI-USAGE"),
        (("state", "no-such-run"), "RUN-UNKNOWN"),
        (("lineage", BOUGHT, "order"), "CLI-USAGE"),
        (("lineage", "--outcome", BOUGHT, "nothing"), "STEP-NOT-RECORDED"),
        (("lineage", "--input", BOUGHT), "CLI-USAGE"),
        (("audit", "--archive", __file__), "EVIDENCE-FORMAT"),
        (("audit", "--archive", "nowhere.zip"), "FILE-UNREADABLE"),
    ],
)
def test_what_cannot_be_answered_is_wrong_usage(
    made: Path, remit: Command, words: tuple[str, ...], code: str
) -> None:
    """A question without a subject ends with 2 and a code."""
    ran = remit(*words, "--project", made, "--json")

    assert (ran.code, ran.codes) == (2, [code])


def test_a_ledger_that_cannot_be_read_is_the_stacks_fault(office: Path, remit: Command) -> None:
    """What is no ledger ends with 3 and a code, never with a traceback."""
    (office / ".remit" / "data" / "ledger.db").write_bytes(b"this is no database" * 1000)
    for words in (("state", BOUGHT), ("lineage", "--input", BOUGHT, "quote")):
        ran = remit(*words, "--project", office, "--json")

        assert (ran.code, ran.codes) == (3, ["LEDGER-UNAVAILABLE"])
