"""How answers about past runs are put: moments, short digests, what is wrong with the records."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from remit.canonical import Digest
from remit.cli.questions.opening import Opened


def moment(at_ms: int) -> str:
    """Return a moment as people and programs read it."""
    if not at_ms:
        return "-"
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def short(digest: Digest | None) -> str:
    """Return the beginning of a digest, enough to find it again."""
    if not digest:
        return "-"
    return digest[:19] if digest.startswith("sha256:") else digest


def doubts(run: Opened) -> Iterator[str]:
    """Yield what is wrong with the records: it stands before every answer."""
    found = run.findings()
    if found:
        yield "These records are NOT as they were written; do not rely on what follows."
        yield from (f"  {line}" for line in found)


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> Iterator[str]:
    """Yield rows in columns; the last column is as wide as it wants."""
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(_columns(rows))]
    widths.append(0)
    for row in rows:
        cells = [f"{cell:<{widths[at]}}" for at, cell in enumerate(row)]
        yield (indent + "  ".join(cells)).rstrip()


def _columns(rows: Sequence[Sequence[str]]) -> int:
    return len(rows[0]) - 1 if rows else 0
