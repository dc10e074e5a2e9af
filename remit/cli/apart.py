"""A question for a process of its own: the command line loads no client of a tool.

The process runs a module of `activities`, reads one JSON object and writes one. What it may reach
and take is bounded there, as in a worker.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from remit.canonical import JSONObject
from remit.cli.stack.component import python_path
from remit.cli.stack.environment import PREFIX
from remit.cli.stack.project import load_project
from remit.secrets.nearby import FOLDERS

_PROXY = f"{PREFIX}EGRESS_PROXY"


class ApartError(Exception):
    """The process gave no answer; the message says no more than how it ended."""


def ask_apart(module: str, question: JSONObject, folder: Path, within_s: float) -> JSONObject:
    """Return what `module` answers, in the environment of a worker of the project in `folder`.

    Raises:
        ApartError: nothing within `within_s` seconds, or no answer.
    """
    try:
        asked = subprocess.run(
            [sys.executable, "-m", module],
            input=json.dumps({**question, "folder": str(folder)}),
            capture_output=True,
            text=True,
            check=False,
            timeout=within_s,
            env={**environment_of(folder, os.environ), **python_path()},
        )
        told: JSONObject = json.loads(asked.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise ApartError(type(error).__name__) from error
    return told


def environment_of(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return `variables` with what `remit.toml` says of secrets' folders and the way out."""
    if not folder.is_dir():
        return {**variables}
    settings = load_project(folder)
    stated = {FOLDERS: settings.secrets.variable(folder), _PROXY: settings.egress.proxy}
    return {name: value for name, value in stated.items() if value is not None} | {**variables}
