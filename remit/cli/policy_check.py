"""`make policy`: format, strict check and tests of the Rego folders, by the OPA that runs them.

The same OPA that runs is the one that checks: found on PATH, in the cache, or installed. Nothing is
written.
"""

import os
import subprocess
import sys
from pathlib import Path

from remit.cli.stack.binaries import OPA, cache_folder, ensure
from remit.cli.stack.components import core_policies
from remit.cli.stack.errors import StackError

_SCHEMAS = ("--ignore", "*.json")
"""Schemas and capabilities are no data; `data.yaml` is, and the rules are tested with it."""
_DEADLINE_S = 120
_COVERAGE = "95"


def main() -> int:
    """Check the core's policies, and with them those of every folder given on the command line."""
    try:
        opa = ensure(OPA, _say, cache=cache_folder(), search=os.environ.get("PATH", "")).path
    except StackError as error:
        _say(str(error))
        return 3
    core = core_policies()
    projects = [Path(name) for name in sys.argv[1:]]
    checked = ("--schema", str(core / "schemas"), "--capabilities", str(core / "capabilities.json"))
    ran = [_run(opa, "fmt", "--fail", "--list", str(core), *map(str, projects))]
    for folders in ([core], *([core, project] for project in projects)):
        named = [str(folder) for folder in folders]
        ran.append(_run(opa, "check", "--strict", *checked, *_SCHEMAS, *named))
        ran.append(_run(opa, "test", "--fail-on-empty", *_SCHEMAS, *named))
    covered = ("--coverage", "--threshold", _COVERAGE)
    ran.append(_run(opa, "test", *covered, "--fail-on-empty", *_SCHEMAS, str(core), quiet=True))
    return 0 if all(ran) else 1


def _run(opa: Path, *arguments: str, quiet: bool = False) -> bool:
    """Run OPA; with `quiet` only a failure is told."""
    told = subprocess.PIPE if quiet else None
    done = subprocess.run(
        [str(opa), *arguments], check=False, timeout=_DEADLINE_S, stdout=told, text=True
    )
    if done.returncode != 0:
        _say(f"opa {' '.join(arguments[:2])} failed: {(done.stdout or '')[-2000:]}")
    return done.returncode == 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
