"""What became of each run of tests, kept under the digest of everything the run read.

One line for each, added at once: a run that is broken off keeps what it found. Nothing here is
authority; the file may be deleted at any time, and costs only the time to ask again.
"""

import threading
from pathlib import Path
from typing import Literal, get_args

Outcome = Literal["killed", "refused", "survived"]
"""A test failed; OPA does not take the text; or all tests passed."""
_MOST_LINES = 50_000


class Outcomes:
    """A file of outcomes; safe to use from several threads."""

    def __init__(self, file: Path, version: str) -> None:
        self._file = file
        self._version = version
        self._lock = threading.Lock()
        self._known: dict[str, Outcome] = {}
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        if len(lines) > _MOST_LINES:
            file.unlink()
            lines = []
        for line in lines:
            name, _, outcome = line.partition(" ")
            for known in get_args(Outcome):
                if outcome == known:
                    self._known[name] = known

    def get(self, key: str) -> Outcome | None:
        """Return what became of a run, or nothing if it was never made by this version of OPA."""
        return self._known.get(f"{self._version}/{key}")

    def put(self, key: str, outcome: Outcome) -> None:
        """Keep what became of a run."""
        name = f"{self._version}/{key}"
        with self._lock:
            self._known[name] = outcome
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"{name} {outcome}\n")
