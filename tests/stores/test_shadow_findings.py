"""What is found about a candidate: bounded on disk, readable after a kill, summed up by run."""

from pathlib import Path

from remit.decision.decision import Decision
from remit.decision.shadow import Announcement, Counts, Difference, falls_in, summarised
from remit.stores.shadow import (
    Findings,
    announce,
    announced,
    counts,
    differences,
    folder_of,
    names,
    withdraw,
)
from tests.enforcement.fake_opa import allow
from tests.policies import given

NEW = "sha256:" + "b" * 64
_ALLOW = allow(given.DIGEST)["result"]
ALLOW = Decision.model_validate(_ALLOW)
DENY = ALLOW.model_copy(update={"effect": "deny"})


def difference(seq: int, root: str = "run-1", base: str = "old") -> Difference:
    """Return a call that the candidate would have refused."""
    return Difference(
        root=root,
        seq=seq,
        at_ms=1_000 + seq,
        kind="call",
        step=f"step-{seq}",
        tool="lab.put@1",
        base=base,
        candidate=NEW,
        facts=given.DIGEST,
        before=ALLOW,
        after=DENY,
    )


def write(folder: Path, name: str, found: list[Difference], most: int = 10**6) -> None:
    """Write differences as one process does."""
    findings = Findings(folder_of(folder, NEW), name, most)
    for one in found:
        findings.add(one.base, "breaks", one.at_ms, one)
    batch = findings.take()
    assert batch is not None
    findings.lose(findings.write(batch))
    last = findings.take()
    if last is not None:
        findings.write(last)


def test_processes_add_up(tmp_path: Path) -> None:
    """Each has files of its own; the report is of all of them."""
    write(tmp_path, "one", [difference(1), difference(2)])
    write(tmp_path, "two", [difference(3, "run-2")])

    summary = summarised(counts(tmp_path, NEW), differences(tmp_path, NEW))

    assert summary.outcomes == {"breaks": 3}
    assert dict(summary.tally.first) == {"breaks": 2}
    assert dict(summary.tally.censored) == {"breaks": 1}
    assert [one.seq for one in summary.firsts] == [1, 3]


def test_files_do_not_outgrow_their_room(tmp_path: Path) -> None:
    """What finds no room is counted, and said to be unwritten."""
    size = len(difference(1).model_dump_json()) + 1
    write(tmp_path, "one", [difference(number) for number in range(1, 6)], 2 * size + 10)

    assert len(list(differences(tmp_path, NEW))) == 2
    assert [(one.outcomes, one.unwritten) for one in counts(tmp_path, NEW)] == [({"breaks": 5}, 3)]


def test_a_line_that_a_kill_cut_short_is_passed_over(tmp_path: Path) -> None:
    """So is a file of counts that nobody can read."""
    write(tmp_path, "one", [difference(1)])
    folder = folder_of(tmp_path, NEW)
    with (folder / "one.jsonl").open("ab") as file:
        file.write(difference(2).model_dump_json().encode()[:-20])
    (folder / "two.counts.json").write_bytes(b"[{")

    assert [one.seq for one in differences(tmp_path, NEW)] == [1]
    assert len(counts(tmp_path, NEW)) == 1


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """A difference may tell what a rule says of a call."""
    write(tmp_path, "one", [difference(1)])
    assert {file.stat().st_mode & 0o077 for file in folder_of(tmp_path, NEW).iterdir()} == {0}


def test_comparisons_with_earlier_policies_are_left_out(tmp_path: Path) -> None:
    """The policies in force changed meanwhile: what differed from the old ones says nothing."""
    told = [
        Counts(base="old", last_ms=1, outcomes={"same": 5, "breaks": 1}),
        Counts(base="new", last_ms=2, outcomes={"same": 7, "dropped": 1}),
    ]
    summary = summarised(told, [difference(1, base="old")])

    assert (summary.base, summary.compared, summary.missed) == ("new", 7, 1)
    assert (summary.other_bases, summary.firsts) == (6, [])


def test_an_announcement_comes_and_goes(tmp_path: Path) -> None:
    """Findings about the last candidates stay, those about older ones go."""
    for number in range(8):
        revision = f"sha256:{number:064d}"[:7] + f"{number}" * 64
        announce(tmp_path, Announcement(revision=revision, source="x", started_ms=1))
    told = announced(tmp_path)
    withdraw(tmp_path)

    assert told is not None
    assert told.revision == revision
    assert announced(tmp_path) is None
    assert len(names(tmp_path)) == 5
    assert folder_of(tmp_path, revision) in names(tmp_path)


def test_a_share_takes_as_many_runs_as_it_says() -> None:
    """By a hash that does not change, so that a larger share holds the smaller one."""
    runs = [f"run-{number}" for number in range(2000)]
    tenth = {run for run in runs if falls_in(run, 10)}

    assert 140 < len(tenth) < 260
    assert tenth <= {run for run in runs if falls_in(run, 30)}
    assert all(falls_in(run, 100) for run in runs)
