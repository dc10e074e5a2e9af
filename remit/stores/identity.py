"""The file that says whom a deployment trusts, read again whenever it changes.

Rotating or revoking a key needs no restart. A file that is absent, half written or wrong trusts
nobody until it is right again: what cannot be read now must not be believed from before.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from remit.approval.trust import Trust, read_trust
from remit.diagnostic import Diagnostic, InvalidDocumentError
from remit.tool.document import DocumentError, parse_yaml

T = TypeVar("T")
MAX_BYTES = 1024 * 1024
_log = logging.getLogger(__name__)


def load_trust(file: Path) -> Trust:
    """Read a file.

    Raises:
        InvalidDocumentError: `IDENTITY-UNREADABLE`, or what `read_trust` finds.
    """
    hint = "docs/identity.md shows the file"
    try:
        content = read_bounded(file)
        documents = parse_yaml(content)
    except (OSError, DocumentError, ValueError) as error:
        message = f"{file}: {error}"[:300]
        raise InvalidDocumentError(
            [Diagnostic(code="IDENTITY-UNREADABLE", path="", message=message, hint=hint)]
        ) from error
    if len(documents) != 1:
        message = f"{file} holds {len(documents)} documents in place of one"
        raise InvalidDocumentError(
            [Diagnostic(code="IDENTITY-UNREADABLE", path="", message=message, hint=hint)]
        )
    return read_trust(documents[0])


def read_bounded(file: Path) -> bytes:
    """Return the content of a file that is not too large.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large.
    """
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    return content


class Watched(Generic[T]):
    """What a file says, as long as it stays the same."""

    def __init__(self, file: Path, load: Callable[[Path], T]) -> None:
        """Read `file` with `load` when it is asked for."""
        self.file = file
        self._load = load
        self._seen: tuple[int, int, int] | None = None
        self._value: T | None = None
        self._error: InvalidDocumentError | None = None

    def get(self) -> T:
        """Return what it says now.

        Raises:
            InvalidDocumentError: as `load` does.
        """
        seen = self._look()
        if seen is None or seen != self._seen:
            self._read()
            # What was written while it was read is read again the next time.
            self._seen = seen
        if self._error is not None or self._value is None:
            raise self._error or InvalidDocumentError([])
        return self._value

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> None:
        try:
            self._value, self._error = self._load(self.file), None
        except InvalidDocumentError as error:
            self._value, self._error = None, error
            _log.warning("identity_not_read", extra={"file": str(self.file), "why": str(error)})
