"""Runs of OPA that end by themselves, as checks, tests and builds do."""

import os
import subprocess
from pathlib import Path

from remit.cli.stack.errors import PolicyError, StackCode
from remit.cli.stack.opa import VARIABLES

_DEADLINE_S = 120


def run_opa(
    opa: Path,
    *arguments: str,
    folder: Path | None = None,
    given: str = "",
    is_one_of_many: bool = False,
) -> "subprocess.CompletedProcess[str]":
    """Run OPA to its end, and return what it said, whatever that is.

    Args:
        opa: the program.
        arguments: its command and what belongs to it.
        folder: that it works in.
        given: what it reads.
        is_one_of_many: others run beside it, so it takes one core.

    Raises:
        PolicyError: `POLICY-CHECK-FAILED`: it could not be started, or did not end in two minutes.
    """
    cores = {"GOMAXPROCS": "1"} if is_one_of_many else {}
    try:
        return subprocess.run(
            [str(opa), *arguments],
            cwd=folder,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=_DEADLINE_S,
            # By the server's collection of garbage a run takes a quarter less CPU too.
            env={**os.environ, **VARIABLES, **cores},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PolicyError(
            StackCode.POLICY_CHECK_FAILED,
            f"`opa {arguments[0]}` could not be run: {error}",
            hint="`remit up` finds or installs `opa` again",
        ) from error
