"""Policy folders looked at often: their files are read when the file system says that they changed.

It says so by size, place and the moments of their last change. A change may be missed when it falls
into the same tick of the file system's clock as the one before: so what changed a moment ago is
read each time, until the moment is over.
"""

import time
from collections.abc import Callable, Sequence

from remit.cli.stack.sources import MAX_FILES, PolicyRoot, PolicySources, candidates, read_sources

_MOMENT_NS = 3_000_000_000
"""Longer than the coarsest clock of a file system in use, two seconds."""

Mark = tuple[str, int, int, int, int, int]
"""Path, device, inode, size, and when content and anything about the file changed."""


class WatchedSources:
    """The policies of some folders."""

    def __init__(
        self, roots: Sequence[PolicyRoot], now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """Read nothing yet."""
        self._roots = roots
        self._now_ns = now_ns
        self._kept: tuple[list[Mark], PolicySources] | None = None

    def read(self) -> PolicySources:
        """Return what stands in the folders now.

        Raises:
            PolicyError: `POLICY-UNREADABLE` or `POLICY-TOO-LARGE`.
        """
        before = self._now_ns() - _MOMENT_NS
        try:
            marks = self._marks()
        except OSError:
            self._kept = None
            return read_sources(self._roots)  # which says what is the matter, and where
        if self._kept and self._kept[0] == marks:
            return self._kept[1]
        sources = read_sources(self._roots)
        long_ago = all(max(mark[-2:]) < before for mark in marks)
        self._kept = (marks, sources) if long_ago else None
        return sources

    def _marks(self) -> list[Mark]:
        marks: list[Mark] = []
        for root in self._roots:
            for path in candidates(root.folder):
                file = root.folder / path
                now = file.stat()
                identity = (str(file), now.st_dev, now.st_ino, now.st_size)
                marks.append((*identity, now.st_mtime_ns, now.st_ctime_ns))
                if len(marks) > MAX_FILES:
                    return marks  # reading refuses them
        return marks
