"""Secrets of the process's own machine: variables and files.

A file lies in the project, or in a folder that `REMIT_SECRET_FOLDERS` allows, *after* links are
followed: who may write to the project may not make a contract send `/etc/shadow` somewhere. Only
plain files are read; a pipe would hold the caller up.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from remit.secrets.errors import SecretError

FOLDERS = "REMIT_SECRET_FOLDERS"
"""Variable with further folders of secrets, separated as in `PATH`."""
MAX_BYTES = 16 * 1024


def from_environment(name: str, environ: Mapping[str, str]) -> str:
    """Return the value of a variable."""
    value = environ.get(name, "")
    if not value:
        hint = "set the variable for the workers"
        raise SecretError("SECRET-MISSING", f"the secret env:{name} is not there; {hint}")
    return value


def from_file(name: str, folder: Path, environ: Mapping[str, str]) -> str:
    """Return the text of a file without the white space around it."""
    said = f"the secret file:{name}"
    try:
        file = (folder / name).resolve(strict=True)
        allowed = [folder.resolve(), *_further(environ)]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SecretError("SECRET-MISSING", f"{said} is not there; make the file") from error
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name with a NUL
        raise SecretError("SECRET-UNREADABLE", f"{said} cannot be found; see its links") from error
    if not any(file.is_relative_to(each) for each in allowed):
        hint = f"put it there, or name its folder in {FOLDERS}"
        raise SecretError("SECRET-OUTSIDE", f"{said} lies outside the project; {hint}")
    try:
        data = _read(file)
    except OSError as error:
        raise SecretError("SECRET-UNREADABLE", f"{said} cannot be read; see its rights") from error
    if data is None:
        raise SecretError("SECRET-UNREADABLE", f"{said} is no plain file; name one")
    if len(data) > MAX_BYTES:
        raise SecretError("SECRET-FORM", f"{said} is larger than {MAX_BYTES} bytes; shorten it")
    text = data.decode("utf-8", errors="replace").strip()
    if not text:
        raise SecretError("SECRET-MISSING", f"{said} is empty; write the value into it")
    return text


def _read(file: Path) -> bytes | None:
    """Return the content of a plain file, and one byte more than allowed at most."""
    # Links were followed and judged; one that has taken the file's place since is not.
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as opened:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        return opened.read(MAX_BYTES + 1)


def _further(environ: Mapping[str, str]) -> list[Path]:
    listed = environ.get(FOLDERS, "").split(os.pathsep)
    return [Path(each).resolve() for each in listed if each]
