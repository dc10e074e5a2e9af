"""`remit evidence verify`: an archive, public keys, checkpoints that were kept; nothing else."""

from collections.abc import Sequence
from pathlib import Path

from remit.cli.errors import ExitCode
from remit.cli.evidence.place import checkpoints, public_keys, unreadable
from remit.cli.output import answer
from remit.evidence import verifier
from remit.evidence.checkpoint import PublicKey
from remit.evidence.finding import Verdict


def verify(
    file: Path,
    keys: Sequence[Path],
    kept: Sequence[Path],
    project: Path | None,
    *,
    as_json: bool,
) -> int:
    """Verify an archive and print what was found."""
    known = public_keys(keys, project)
    verdict = judged(file, known, kept)
    document = {"ok": verdict.holds, "file": str(file), **documented(verdict)}
    answer(document, [f"{file}: {headline(verdict)}", *lines(verdict)], as_json=as_json)
    return ExitCode.OK if verdict.holds else ExitCode.FINDINGS


def judged(file: Path, keys: Sequence[PublicKey], kept: Sequence[Path]) -> Verdict:
    """Return what the verifier says about the archive in `file`."""
    notes = checkpoints(kept)
    try:
        with file.open("rb") as archive:
            return verifier.verify(archive, keys, notes)
    except OSError as error:
        raise unreadable(file, error) from error


def headline(verdict: Verdict) -> str:
    """Return the verdict in a few words."""
    if not verdict.holds:
        return "does NOT hold"
    return "holds, with notes" if verdict.findings else "holds"


def lines(verdict: Verdict) -> Sequence[str]:
    """Return the verdict in lines, what refutes first."""
    told = []
    if verdict.root:
        told.append(f"  run {verdict.root}")
        told.append(
            f"  {verdict.covered} of {verdict.records} records stand in the signed log "
            f"of {verdict.size}"
        )
    for found in sorted(verdict.findings, key=lambda one: one.is_note):
        word = "note: " if found.is_note else ""
        told += [f"{found.code}  {found.place}", f"    {word}{found.message}"]
    return told


def documented(verdict: Verdict) -> dict[str, object]:
    """Return the verdict as `--json` prints it."""
    return {
        "holds": verdict.holds,
        "root": verdict.root,
        "records": verdict.records,
        "covered": verdict.covered,
        "tree_size": verdict.size,
        "findings": [
            {
                "code": found.code.value,
                "place": found.place,
                "message": found.message,
                "refutes": not found.is_note,
            }
            for found in verdict.findings
        ],
    }
