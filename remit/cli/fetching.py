"""What `remit artifacts get` does: find, check, write."""

import os
import sys
from pathlib import Path

from remit.cli.errors import CliError, ExitCode, Finding, usage
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.ledger.errors import LedgerError
from remit.stores.artifact_folder import ArtifactFolder, default_folder
from remit.stores.artifacts import ArtifactError, Stored
from remit.stores.vault import VARIABLE, load_vault

_FOLDER = "REMIT_ARTIFACTS"


def fetch(digest: str, to: Path | None, project: Path | None, *, as_json: bool) -> int:
    """Write an artifact to `to`, or to stdout.

    Raises:
        CliError: there is none such, it is not what its digest names, or cannot be written.
    """
    if as_json and to is None:
        raise usage("CLI-USAGE", "--json needs --to FILE", "stdout holds one of the two")
    stated = os.environ.get(_FOLDER)
    folder = Path(stated) if stated else default_folder(find_project(project))
    try:
        store = ArtifactFolder(folder, load_vault(os.environ.get(VARIABLE, ""), os.environ))
        found = store.everywhere(digest)
        if not found:
            raise _refused("ARTIFACT-ABSENT", f"no artifact {digest} in {str(folder)!r}")
        found[0].verify()
        _write(found[0], to)
    except (ArtifactError, LedgerError) as error:
        raise _refused(error.code, str(error)) from error
    except OSError as error:
        raise usage(
            "ARTIFACT-FILE", f"{error.filename}: {error.strerror}", "name another file"
        ) from None
    if to is not None:
        size = found[0].size
        told = {"digest": digest, "bytes": size, "file": str(to)}
        answer(told, [f"{size} bytes  {to}"], as_json=as_json)
    return ExitCode.OK


def _write(stored: Stored, to: Path | None) -> None:
    if to is None:
        for chunk in stored.chunks():
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        return
    # Never over something that is there: what a tool brought replaces no file of the user's.
    with to.open("xb") as file:
        for chunk in stored.chunks():
            file.write(chunk)


def _refused(code: str, message: str) -> CliError:
    hint = "`remit explain` shows a run's outputs; what was forgotten is gone"
    return CliError([Finding(code, message, hint)], ExitCode.FINDINGS)
