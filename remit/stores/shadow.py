"""The folder of a shadow: its announcement, and what workers found, in files of bounded size.

Apart from the ledger on purpose: what a candidate would have said is no record of any run, and
writing it must not make one wait. Each worker process has two files of its own per candidate, one
line per difference and one document of counts; together they take at most `MOST_BYTES`, and what
finds no room is counted.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from remit.decision.shadow import Announcement, Counts, Difference, Outcome
from remit.stores.atomic import write_atomically

ANNOUNCED = "announced.json"
BEARER = "opa.token"
"""Name of the file with the bearer token of the candidate's OPA."""
SOCKET = "new.sock"
"""Name of its socket, beside the deciding OPA's; no longer than that one's, for a path is short."""
CANARY_SOCKET = "can.sock"
"""Name of the socket of the OPA that serves a canary's candidate."""
MOST_BYTES = 32 * 2**20
_FOUND = "found"
_LINES, _COUNTS = ".jsonl", ".counts.json"
_DIGITS = 16
_KEPT = 5
"""Candidates whose findings are kept."""
_MOST_WAITING = 2000
_counted = TypeAdapter(list[Counts])


def announced(folder: Path) -> Announcement | None:
    """Return which candidate stands in the shadow; `None` for none that can be read."""
    try:
        return Announcement.model_validate_json((folder / ANNOUNCED).read_bytes())
    except (OSError, ValidationError):
        return None


def announce(folder: Path, announcement: Announcement) -> None:
    """Tell workers of a candidate; findings about the oldest ones are let go of."""
    found = folder / _FOUND
    mine = folder_of(folder, announcement.revision)
    mine.mkdir(mode=0o700, parents=True, exist_ok=True)
    mine.touch()
    os.utime(mine)
    by_age = sorted(found.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)
    for old in by_age[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    write_atomically(folder / ANNOUNCED, announcement.model_dump_json(indent=2).encode())


def withdraw(folder: Path) -> None:
    """Tell workers that there is no candidate any more; what they found stays."""
    (folder / ANNOUNCED).unlink(missing_ok=True)


def folder_of(folder: Path, revision: str) -> Path:
    """Return where findings about a candidate stand."""
    return folder / _FOUND / revision.removeprefix("sha256:")[:_DIGITS]


def counts(folder: Path, revision: str) -> list[Counts]:
    """Return what was counted about a candidate; a file that cannot be read counts nothing."""
    found: list[Counts] = []
    for file in sorted(folder_of(folder, revision).glob(f"*{_COUNTS}")):
        try:
            found += _counted.validate_json(file.read_bytes())
        except (OSError, ValidationError):
            continue
    return found


def differences(folder: Path, revision: str) -> Iterator[Difference]:
    """Yield what differs; a line that a kill cut short is passed over."""
    for file in sorted(folder_of(folder, revision).glob(f"*{_LINES}")):
        with file.open("rb") as lines:
            for line in lines:
                try:
                    yield Difference.model_validate_json(line)
                except ValidationError:
                    continue


@dataclass(slots=True)
class Batch:
    """What is to be written next."""

    lines: list[bytes] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)


class Findings:
    """What one process finds about one candidate: gathered in memory, written in batches."""

    def __init__(self, folder: Path, name: str, most_bytes: int = MOST_BYTES) -> None:
        """Write into `folder`, under `name`, as long as all its files are below `most_bytes`."""
        self._folder = folder
        self._name = name
        self._most = most_bytes
        self._waiting: list[bytes] = []
        self._outcomes: dict[str, dict[Outcome, int]] = {}
        self._last_ms: dict[str, int] = {}
        self._unwritten: dict[str, int] = {}
        self._is_new = False

    def add(
        self, base: str, outcome: Outcome, at_ms: int, difference: Difference | None = None
    ) -> None:
        """Count one comparison with the policies `base`, and keep how it differs."""
        found = self._outcomes.setdefault(base, {})
        found[outcome] = found.get(outcome, 0) + 1
        self._last_ms[base] = max(at_ms, self._last_ms.get(base, 0))
        self._is_new = True
        if difference is None:
            return
        if len(self._waiting) >= _MOST_WAITING:
            self._lost(base)
            return
        self._waiting.append(difference.model_dump_json().encode() + b"\n")

    def take(self) -> Batch | None:
        """Return what `write` is to write, which is then not waiting any more; `None` for nothing.

        Apart from `write`, which may run in another thread.
        """
        if not self._is_new:
            return None
        lines, self._waiting, self._is_new = self._waiting, [], False
        return Batch(lines, self._counts())

    def write(self, batch: Batch) -> int:
        """Write a batch; return how many of its lines found no room.

        Raises:
            OSError: nothing of it may be kept.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        left = self._most - sum(file.stat().st_size for file in self._folder.iterdir())
        kept: list[bytes] = []
        for line in batch.lines:
            if len(line) > left:
                break
            kept.append(line)
            left -= len(line)
        if kept:
            file = self._folder / f"{self._name}{_LINES}"
            to = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(to, "ab") as opened:
                opened.write(b"".join(kept))
        content = _counted.dump_json(batch.counts)
        write_atomically(self._folder / f"{self._name}{_COUNTS}", content)
        return len(batch.lines) - len(kept)

    def lose(self, number: int) -> None:
        """Count differences that could not be kept, against the policies that decided last."""
        if number and self._last_ms:
            self._lost(max(self._last_ms, key=lambda base: self._last_ms[base]), number)
            self._is_new = True

    def _lost(self, base: str, number: int = 1) -> None:
        self._unwritten[base] = self._unwritten.get(base, 0) + number

    def _counts(self) -> list[Counts]:
        return [
            Counts(
                base=base,
                last_ms=self._last_ms[base],
                outcomes=dict(outcomes),
                unwritten=self._unwritten.get(base, 0),
            )
            for base, outcomes in self._outcomes.items()
        ]


def names(folder: Path) -> Sequence[Path]:
    """Return the folders of all candidates that anything was found about, the newest first."""
    found = folder / _FOUND
    if not found.is_dir():
        return ()
    return sorted(found.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)
