"""The contracts that today's are held against: an export, another folder, a commit.

A project's tools may be Python files, and reading them runs them. So another folder or commit is
read by a process of its own, which has nothing of this one.
"""

import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from remit.cli.errors import CliError, usage
from remit.plan.succession import by_ref
from remit.stores.tool_files import MAX_TOOLS_BYTES
from remit.tool.contract import ToolContract
from remit.tool.document import DocumentError, parse_yaml
from remit.tool.model import shape_fault
from remit.tool.written import contracts_in

_WAIT_S = 120
_HINT = "name a file that `remit tools export` wrote, a project's folder, or a commit"


def baseline(against: str, project: Path) -> Mapping[str, ToolContract]:
    """Return the contracts that `against` stands for, by `name@major`.

    Raises:
        CliError: `BASELINE-UNREADABLE`, exit code 2.
    """
    place = Path(against)
    if place.is_file():
        if place.stat().st_size > MAX_TOOLS_BYTES:
            raise _unreadable(f"{against!r} is larger than {MAX_TOOLS_BYTES} bytes")
        return _read(place.read_bytes(), against)
    if place.is_dir():
        return _exported(place, against)
    return _committed(against, project)


def _committed(against: str, project: Path) -> Mapping[str, ToolContract]:
    found = _git(
        project, "rev-parse", "--verify", "--quiet", "--end-of-options", against + "^{commit}"
    )
    if found is None:
        raise _unreadable(f"{against!r} is neither a file, a folder nor a commit")
    # In a folder of a repository this writes that folder, with names that begin there.
    packed = _git(project, "archive", "--format=zip", found.decode().strip(), "--", ".")
    if packed is None:
        raise _unreadable(f"the project was not there yet at {against!r}")
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            archive.extractall(folder)  # a link becomes a file that holds its target's name
        return _exported(Path(folder), against)


def _git(folder: Path, *arguments: str) -> bytes | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        ran = subprocess.run(command, capture_output=True, timeout=_WAIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unreadable(f"git does not run ({type(error).__name__})") from error
    return ran.stdout if ran.returncode == 0 else None


def _exported(folder: Path, against: str) -> Mapping[str, ToolContract]:
    command = [sys.executable, "-m", "remit", "tools", "export", "--project", str(folder)]
    try:
        ran = subprocess.run(command, capture_output=True, timeout=_WAIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise _unreadable(f"reading {against!r} takes longer than {_WAIT_S} s") from error
    if ran.returncode != 0:
        said = ran.stderr.decode("utf-8", "replace").strip().replace(str(folder), against)
        raise _unreadable(f"the tools of {against!r} cannot be read: {said[:1000]}")
    return _read(ran.stdout, against)


def _read(content: bytes, against: str) -> Mapping[str, ToolContract]:
    try:
        written = [each for document in parse_yaml(content) for each in contracts_in(document)]
        return by_ref(ToolContract.model_validate(each.document) for each in written)
    except DocumentError as error:
        raise _unreadable(f"{against!r}: {error}") from error
    except ValidationError as error:
        message = f"{against!r} holds what is no contract: {shape_fault(error)}"
        raise _unreadable(message) from error


def _unreadable(message: str) -> CliError:
    return usage("BASELINE-UNREADABLE", message, _HINT)
