"""Every way to tamper with an archive is found, with its code and its exact place."""

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable

import pytest

from remit.evidence.archive import Bounds
from remit.evidence.checkpoint import SigningKey
from remit.evidence.finding import Verdict
from remit.evidence.verifier import verify
from tests.evidence.made import KEY, ORIGIN, Made

Bend = Callable[[list[bytes]], list[bytes]]


def judged(made: Made, **kept: bytes) -> Verdict:
    """Verify what was made, with the right key."""
    return verify(made.packed(), [KEY.public], kept)


def found(verdict: Verdict) -> list[tuple[str, str]]:
    """Return the findings that refute."""
    return [(one.code.value, one.place) for one in verdict.findings if not one.is_note]


def test_what_was_not_touched_holds() -> None:
    """An archive as it was written verifies without a note, every record covered."""
    verdict = judged(Made())

    assert (verdict.holds, verdict.records, verdict.covered, verdict.size) == (True, 6, 6, 11)
    assert verdict.findings == []


def flip(lines: list[bytes]) -> list[bytes]:
    """Flip one byte of record 3."""
    lines[2] = lines[2].replace(b"happened", b"hbppened")
    return lines


@pytest.mark.parametrize(
    ("bend", "expected"),
    [
        (flip, ("EVIDENCE-EDITED", "record 3")),
        (lambda lines: [*lines[:2], *lines[3:]], ("EVIDENCE-MISSING", "record 3")),
        (
            lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
            ("EVIDENCE-REORDERED", "record 3"),
        ),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], ("EVIDENCE-REORDERED", "record 2")),
        (lambda lines: lines[:-2], ("EVIDENCE-TRUNCATED", "record 5")),
        (lambda lines: [*lines[:3], b"{}", *lines[4:]], ("EVIDENCE-FORMAT", "line 4")),
    ],
    ids=["flip", "drop", "swap", "twice", "cut", "garbage"],
)
def test_tampering_names_the_record(bend: Bend, expected: tuple[str, str]) -> None:
    """A flipped byte, a dropped, swapped, repeated, cut or ruined record is named."""
    verdict = judged(Made(bend=bend))

    assert not verdict.holds
    assert expected in found(verdict)


def test_a_chain_written_anew_without_the_key() -> None:
    """Records that agree with each other but not with the signed tree are named one by one."""
    other = Made(salt="another history")
    verdict = judged(Made(bend=lambda lines: other.lines()))

    assert found(verdict) == [("EVIDENCE-FORKED", f"record {seq}") for seq in range(1, 7)]


def test_a_tree_signed_by_somebody_else() -> None:
    """Rebuilding everything with another key fails at the signature."""
    stranger = SigningKey(ORIGIN, bytes(32))

    assert found(judged(Made(key=stranger))) == [("EVIDENCE-SIGNATURE", "checkpoint")]


@pytest.mark.parametrize("at", [7, 11])
def test_a_chain_written_anew_with_the_key(at: int) -> None:
    """Even the key's holder is caught by a checkpoint that the auditor kept."""
    kept = KEY.sign(Made().head(at))
    honest = Made(kept=[7])
    forged = Made(kept=[7], salt="another history")

    assert found(judged(honest, mine=kept)) == []
    assert found(judged(forged, mine=kept)) == [("EVIDENCE-FORKED", "kept checkpoint mine")]
    assert found(judged(forged)) == []


def test_a_cut_log_is_seen_against_a_kept_checkpoint() -> None:
    """A log that is shorter than it was once signed to be has lost its tail."""
    kept = KEY.sign(Made().head())

    assert found(judged(Made(covers=3), mine=kept)) == [
        ("EVIDENCE-TRUNCATED", "kept checkpoint mine")
    ]


def test_a_kept_checkpoint_without_proof() -> None:
    """Without a consistency proof nothing is claimed about a kept checkpoint."""
    assert found(judged(Made(), mine=KEY.sign(Made().head(7)))) == [
        ("EVIDENCE-UNPROVEN", "kept checkpoint mine")
    ]


def test_the_uncovered_tail_is_told() -> None:
    """Records that are not signed yet are named, and refute nothing."""
    verdict = judged(Made(covers=4))

    assert (verdict.holds, verdict.covered) == (True, 4)
    assert [(one.code.value, one.place) for one in verdict.findings] == [
        ("EVIDENCE-UNCOVERED", "records 5 to 6")
    ]


def test_an_action_that_the_ledger_lacks() -> None:
    """A call that the history says happened, and nobody recorded, is found."""
    verdict = judged(Made(calls=["budget"], projected=["budget", "order"]))

    assert found(verdict) == [("EVIDENCE-ACTION-UNRECORDED", "history run-1 event 4")]


def test_an_action_that_the_history_lacks() -> None:
    """An attempt in the ledger that no activity of the history made is found."""
    verdict = judged(Made(projected=["budget"]))

    assert found(verdict) == [("EVIDENCE-ACTION-UNKNOWN", "record 4")]


def test_an_execution_that_goes_on_is_not_held_against_the_ledger() -> None:
    """What a run that was still open did after its projection is no forgery."""
    made = Made(projected=["budget"], is_open=True)

    assert found(judged(made)) == []


def test_events_that_a_reset_copied_count_once() -> None:
    """A reset copies events into a new history; what they say was done only once."""
    made = Made(systems=1, copied=True)

    assert found(judged(made)) == []
    assert found(judged(Made(systems=1, copied=False))) == [
        ("EVIDENCE-ACTION-UNRECORDED", "activity remit.settle")
    ]


def test_an_edited_content() -> None:
    """A value that is not what its digest names is named."""
    digest = "sha256:" + "ab" * 32

    assert found(judged(Made(contents={digest: b"{}"}))) == [
        ("EVIDENCE-EDITED", f"content {digest}")
    ]


REVISION = "sha256:" + "cd" * 32


def test_policy_bundles_are_held_against_the_seal() -> None:
    """The bundle that the seal names holds; an exchanged one and a foreign one are named."""
    exchanged = {REVISION: "sha256:" + "ef" * 32}
    place = f"policy {REVISION}"

    assert found(judged(Made(policies={REVISION: b"rules"}))) == []
    assert found(judged(Made(policies={REVISION: b"rules"}, named_policies=exchanged))) == [
        ("EVIDENCE-EDITED", place)
    ]
    assert found(judged(Made(policies={REVISION: b"rules"}, named_policies={}))) == [
        ("EVIDENCE-UNPROVEN", place)
    ]


def rewritten(made: Made, name: str, change: Callable[[bytes], bytes]) -> io.BytesIO:
    """Return the archive with one entry changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(made.packed()) as old, zipfile.ZipFile(file, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry, change(content) if entry.filename == name else content)
    return file


def test_an_unknown_version_is_refused() -> None:
    """A format of the future is not guessed at."""
    file = rewritten(Made(), "manifest.json", lambda content: content.replace(b"/v1", b"/v9"))

    assert found(verify(file, [KEY.public])) == [("EVIDENCE-VERSION", "manifest.json")]


def test_a_bent_proof() -> None:
    """A proof that leads elsewhere is not a proof."""

    def bend(content: bytes) -> bytes:
        at = content.index(b'"proof":["') + 10
        return content[:at] + (b"0" if content[at : at + 1] != b"0" else b"1") + content[at + 1 :]

    file = rewritten(Made(), "inclusion.json", bend)
    assert found(verify(file, [KEY.public])) == [("EVIDENCE-PROOF", "inclusion.json")]


@pytest.mark.parametrize("name", ["records.jsonl", "inclusion.json"])
def test_a_bomb_is_not_unpacked(name: str) -> None:
    """An entry that unpacks out of proportion is refused long before it is whole."""
    file = rewritten(Made(), name, lambda content: b"\0" * 20_000_000)

    assert ("EVIDENCE-TOO-LARGE", name) in found(verify(file, [KEY.public]))


def test_a_gigantic_directory_is_not_parsed() -> None:
    """More entries than the bound, and larger files, are refused unread."""
    crowded = Made(contents={f"sha256:{number:064x}": b"" for number in range(50)})

    assert found(verify(crowded.packed(), [KEY.public], bounds=Bounds(entries=20))) == [
        ("EVIDENCE-TOO-LARGE", "archive")
    ]
    assert found(verify(Made().packed(), [KEY.public], bounds=Bounds(file_bytes=100))) == [
        ("EVIDENCE-TOO-LARGE", "archive")
    ]


def test_what_is_no_archive_is_refused() -> None:
    """Any truncation and plain garbage end in a finding, never in an exception."""
    whole = Made().packed().getvalue()

    for at in range(0, len(whole), 37):
        assert not verify(io.BytesIO(whole[:at]), [KEY.public]).holds
    assert found(verify(io.BytesIO(b"no zip"), [KEY.public])) == [("EVIDENCE-FORMAT", "archive")]


def test_no_flipped_byte_passes() -> None:
    """Whatever byte of an archive's content is altered, the verdict says so or is the same."""
    whole = bytearray(Made().packed().getvalue())
    for at in range(0, len(whole), 11):
        bent = bytearray(whole)
        bent[at] ^= 0x10
        verdict = verify(io.BytesIO(bytes(bent)), [KEY.public])
        assert not verdict.holds or (verdict.records, verdict.covered) == (6, 6), at


def test_the_verifier_needs_neither_temporal_nor_cel() -> None:
    """A process that verifies has loaded no engine, no expression language and no database."""
    script = (
        "import sys, remit.evidence.verifier\n"
        "heavy = ('temporalio', 'cel_expr_python', 'sqlalchemy', 'google', 'opa_client')\n"
        "print([name for name in sys.modules if name.split('.')[0] in heavy])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert done.stdout.strip() == b"[]"
