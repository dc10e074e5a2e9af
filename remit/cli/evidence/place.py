"""Where a project keeps its log: the public keys, the signing key, the ledger."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from remit.cli.errors import CliError, usage
from remit.cli.place import find_project
from remit.cli.stack.layout import Layout
from remit.evidence.checkpoint import CheckpointError, PublicKey, parse_keys
from remit.stores.keyring import Keyring

_LARGEST_KEYS = 1 << 20
_LARGEST_NOTE = 1 << 20


def layout_of(project: Path | None) -> Layout:
    """Return the layout of the project that the user means."""
    return Layout(find_project(project))


def keyring_of(layout: Layout) -> Keyring:
    """Return the log's keys; a keeper without a stack of ours is told where they are."""
    return Keyring(Path(os.environ.get("REMIT_EVIDENCE_KEYS") or layout.evidence_keys))


def public_keys(files: Sequence[Path], project: Path | None) -> Sequence[PublicKey]:
    """Return the keys of the named files, else those of the project's own stack.

    Raises:
        CliError: `EVIDENCE-KEY`, `FILE-UNREADABLE`; exit code 2.
    """
    return [key for file in files or [_own(project)] for key in _keys(file)]


def own_keys(project: Path | None) -> Sequence[PublicKey]:
    """Return the keys of the project's own stack; none when there are none."""
    try:
        return _keys(_own(project))
    except CliError:
        return []


def checkpoints(files: Sequence[Path]) -> Mapping[str, bytes]:
    """Return checkpoints that somebody kept, by the names of their files."""
    return {str(file): read(file, _LARGEST_NOTE) for file in files}


def read(file: Path, most: int) -> bytes:
    """Return the beginning of a file, up to `most` bytes.

    Raises:
        CliError: `FILE-UNREADABLE`, exit code 2.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(most)
    except OSError as error:
        raise unreadable(file, error) from error


def unreadable(file: Path, error: OSError) -> CliError:
    """Return the error for a file that cannot be read."""
    message = f"{str(file)!r} cannot be read: {error.strerror}"
    return usage("FILE-UNREADABLE", message, "name a file that is there and yours to read")


def _own(project: Path | None) -> Path:
    hint = "`--key log.pub` names the public keys; get them from the log's owner"
    try:
        file = keyring_of(layout_of(project)).public_file
    except CliError as error:
        raise usage("EVIDENCE-KEY", "no public key was given", hint) from error
    if not file.is_file():
        raise usage("EVIDENCE-KEY", "no public key was given, and the project has none", hint)
    return file


def _keys(file: Path) -> Sequence[PublicKey]:
    try:
        found = parse_keys(read(file, _LARGEST_KEYS).decode("utf-8"))
    except (CheckpointError, UnicodeDecodeError) as error:
        raise usage("EVIDENCE-KEY", f"{file}: {error}", "a line is NAME+ID+BASE64") from error
    if not found:
        raise usage("EVIDENCE-KEY", f"{file} holds no key", "a line is NAME+ID+BASE64")
    return found
