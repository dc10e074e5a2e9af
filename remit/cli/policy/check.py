"""`make policy`: drift, version, format, strict check and tests of the Rego folders.

Generated files must be those of the models, and every file, tests too, must be in the version of
Rego that a bundle's rules are held to: a test under another one would test something else. The same
OPA that runs is the one that checks: found on PATH, in the cache, or installed. Nothing is written.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from remit.cli.stack.binaries import OPA, cache_folder, ensure
from remit.cli.stack.components import core_policies
from remit.cli.stack.errors import StackCode, StackError
from remit.cli.stack.packages import REGO
from remit.decision import schema

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
    ran = [schema.main(["--check", str(core)]) == 0, of_one_version((core, *projects))]
    ran.append(_run(opa, "fmt", "--fail", "--list", str(core), *map(str, projects)))
    for folders in ([core], *([core, project] for project in projects)):
        named = [str(folder) for folder in folders]
        ran.append(_run(opa, "check", "--strict", *checked, *_SCHEMAS, *named))
        ran.append(_run(opa, "test", "--fail-on-empty", *_SCHEMAS, *named))
    covered = ("--coverage", "--threshold", _COVERAGE)
    ran.append(_run(opa, "test", *covered, "--fail-on-empty", *_SCHEMAS, str(core), quiet=True))
    return 0 if all(ran) else 1


def of_one_version(folders: Sequence[Path]) -> bool:
    """Tell every file with rules that does not import the version all others do."""
    imported = re.compile(rf"^import {re.escape(REGO)}$", re.MULTILINE)
    files = (file for folder in folders for file in sorted(folder.rglob("*.rego")))
    wrong = [file for file in files if _has_rules(file) and not imported.search(file.read_text())]
    for file in wrong:
        _say(f"{StackCode.POLICY_REGO_VERSION}: {file} does not `import {REGO}`")
    return not wrong


def _has_rules(file: Path) -> bool:
    """Whether more than comments and the package stand in it."""
    lines = (line for line in file.read_text().splitlines() if line.strip())
    return any(not line.startswith(("#", "package ")) for line in lines)


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
