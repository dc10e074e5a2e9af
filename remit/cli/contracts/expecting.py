"""Consumers as the commands about contracts read them: the project's own, or named ones."""

from collections.abc import Sequence
from pathlib import Path

from remit.cli.errors import usage
from remit.stores.expectations import FOLDER, Stated, read_expectations


def consumers_of(folder: Path, places: Sequence[Path]) -> list[Stated]:
    """Return the consumers of a project, or of `places` in place of its own.

    Raises:
        CliError: `FILE-UNREADABLE`, exit code 2.
        InvalidDocumentError: with every fault of every file.
    """
    for place in places:
        if not place.exists():
            hint = "name a file of expectations, or a folder of them"
            raise usage("FILE-UNREADABLE", f"there is no {str(place)!r}", hint)
    return [stated for place in places or [folder / FOLDER] for stated in read_expectations(place)]
