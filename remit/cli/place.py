"""Which project a command is about.

In this order: `--project`, the variable `REMIT_PROJECT`, the nearest folder with `remit.toml`
upwards from the file that was named and then from where the user stands, and in a checkout of
Remit the back office of its examples. Reads names of files only.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from remit.cli.errors import CliError, usage

FILE = "remit.toml"
VARIABLE = "REMIT_PROJECT"
_EXAMPLES = Path("examples") / "backoffice"


def find_project(
    stated: Path | None,
    *,
    near: Path | None = None,
    variables: Mapping[str, str] = os.environ,
    checkout: Path = Path(__file__).parents[2],
) -> Path:
    """Return the absolute folder of the project.

    Args:
        stated: the folder that the user named, if any.
        near: a file that the command is about; its folder is looked at before the current one.
        variables: the environment.
        checkout: where a checkout of Remit would be.

    Raises:
        CliError: `PROJECT-MISSING`, exit code 2.
    """
    if stated is not None:
        return _checked(stated, "")
    if variables.get(VARIABLE):
        return _checked(Path(variables[VARIABLE]), f"{VARIABLE} says ")
    for start in (near, Path.cwd() / FILE):
        found = _upwards(start)
        if found is not None:
            return found
    if (checkout / _EXAMPLES / FILE).is_file():
        return checkout / _EXAMPLES
    raise usage(
        "PROJECT-MISSING",
        f"no {FILE} in this folder or above it, no --project, no {VARIABLE}",
        "`remit init DIR` makes a project; `--project DIR` names one",
    )


def _checked(folder: Path, said: str) -> Path:
    if not (folder / FILE).is_file():
        raise _missing(folder, said)
    return folder.resolve()


def _missing(folder: Path, said: str) -> CliError:
    what = "has no " + FILE if folder.is_dir() else "is no folder"
    hint = f"`remit init {folder}` makes a project there; or name the folder that has {FILE}"
    return usage("PROJECT-MISSING", f"{said}{str(folder)!r}, which {what}", hint)


def _upwards(file: Path | None) -> Path | None:
    if file is None:
        return None
    for folder in file.resolve().parents:
        if (folder / FILE).is_file():
            return folder
    return None
