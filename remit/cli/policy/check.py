"""`make policy`: everything that is asked of the Rego folders before anybody relies on them.

Drift of what is generated, one version of Rego, format, OPA's strict check, tests with coverage;
labels, owners and conflicts; the map of rules and tools; and a mutant for every rule and condition.
The same OPA that runs is the one that checks: found on PATH, in the cache, or installed. Nothing is
written but, with `--map`, the map, and a cache beside the folder that is worked in.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

from remit.cli.compiling import Workshop
from remit.cli.policy import lint, mapping, mutate
from remit.cli.policy.controls import OWNERS, Owners, read_controls
from remit.cli.policy.outcomes import Outcomes
from remit.cli.policy.reach import Question
from remit.cli.policy.syntax import UnparsableError, parse
from remit.cli.policy.trial import Suite
from remit.cli.stack.binaries import OPA, Binary, cache_folder, ensure
from remit.cli.stack.components import core_policies
from remit.cli.stack.errors import StackCode, StackError
from remit.cli.stack.opa_run import run_opa
from remit.cli.stack.packages import REGO
from remit.decision import schema
from remit.tool.contract import ToolContract

_SCHEMAS = ("--ignore", "*.json")
"""Schemas and capabilities are no data; `data.yaml` is, and the rules are tested with it."""
_COVERAGE = "95"
_MAP = "MAP.md"
_EQUIVALENTS = "equivalents.toml"
_CACHE = Path(".policy_cache")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the core's policies, and with them those of every folder given on the command line."""
    given = _parser().parse_args(arguments)
    try:
        opa = ensure(OPA, _say, cache=cache_folder(), search=os.environ.get("PATH", ""))
        folders = Folders(core_policies(), tuple(given.projects), opa)
        checks: list[Callable[[], bool]] = [folders.held_by_opa, folders.linted]
        if given.map:
            checks = [folders.write_map]
        else:
            checks += [folders.mapped, *([] if given.quick else [folders.mutated])]
        passed = [check() for check in checks]
        return 0 if all(passed) else 1
    except (StackError, UnparsableError) as error:
        _say(str(error))
        return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="remit.cli.policy.check", description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the mutants out")
    parser.add_argument("--map", action="store_true", help="write the map, and check nothing")
    parser.add_argument("projects", nargs="*", type=Path, help="policy folders of projects")
    return parser


class Folders:
    """The core's rules and those of projects. One without tests of its own is somebody's fixture:
    OPA checks it, and it is neither mutated nor mapped."""

    def __init__(self, core: Path, projects: Sequence[Path], opa: Binary) -> None:
        self._core = core
        self._projects = projects
        self._opa = opa
        self._whole = [core, *(p for p in projects if any(p.rglob("*_test.rego")))]
        files = [file for folder in self._whole for file in sorted(folder.rglob("*.rego"))]
        self._modules = parse(opa.path, files)

    def held_by_opa(self) -> bool:
        """Generated files, version, format, types, tests and coverage."""
        core, projects = self._core, self._projects
        ran = [schema.main(["--check", str(core)]) == 0, of_one_version((core, *projects))]
        ran.append(self._run("fmt", "--fail", "--list", str(core), *map(str, projects)))
        capabilities = str(core / "capabilities.json")
        checked = ("--schema", str(core / "schemas"), "--capabilities", capabilities)
        for folders in ([core], *([core, project] for project in projects)):
            named = [str(folder) for folder in folders]
            ran.append(self._run("check", "--strict", *checked, *_SCHEMAS, *named))
            ran.append(self._run("test", "--fail-on-empty", *_SCHEMAS, *named))
        covered = ("--coverage", "--threshold", _COVERAGE)
        ran.append(self._run("test", *covered, "--fail-on-empty", *_SCHEMAS, str(core), quiet=True))
        return all(ran)

    def linted(self) -> bool:
        """Labels, controls, owners, and rules that fight."""
        controls = read_controls(self._core)
        owners = Owners((self._core / OWNERS).read_text(encoding="utf-8"))
        return _none(
            [
                *lint.unlabelled(self._modules, controls),
                *lint.overdue(controls, date.today()),
                *lint.disowned(self._modules, owners, self._core),
                *lint.conflicts(self._modules),
            ]
        )

    def mapped(self) -> bool:
        """The committed map is that of the rules, and nothing is missing from it."""
        text, faults = self._map()
        file = self._core / _MAP
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            faults.append(f"{file} is not what the rules say: `make policy-map` writes it")
        return _none(faults)

    def write_map(self) -> bool:
        """Write the map."""
        text, faults = self._map()
        (self._core / _MAP).write_text(text, encoding="utf-8")
        return _none(faults)

    def mutated(self) -> bool:
        """No mutant of a rule passes every test."""
        core, *projects = self._whole
        suites = [self._suite(core), *(self._suite(core, project) for project in projects)]
        outcomes = Outcomes(_CACHE / "outcomes", self._opa.version)
        listed = mutate.reviewed(core / _EQUIVALENTS)
        verdict = mutate.judge(self._opa.path, suites, listed, outcomes)
        _say(str(verdict))
        faults = [str(survivor) for survivor in verdict.survivors]
        faults += [f"{_EQUIVALENTS}: nothing to excuse: {entry}" for entry in verdict.stale]
        return _none(faults)

    def _map(self) -> tuple[str, list[str]]:
        tools = tuple(t for project in self._whole[1:] for t in _tools(project.parent))
        rules = tuple(module for module in self._modules if not module.is_test)
        asked = Question(tuple(self._whole), rules, tools)
        reach = asked.answered(self._opa, _CACHE / "reach")
        found = mapping.lines(rules, reach)
        text = mapping.rendered(rules, found, reach, tools, read_controls(self._core))
        return text, list(mapping.unmapped(found, reach))

    def _suite(self, *folders: Path) -> Suite:
        own = [m for m in self._modules if any(m.path.is_relative_to(f) for f in folders)]
        generated = frozenset(self._core / name for name in schema.artefacts())
        return Suite(folders, tuple(own), generated)

    def _run(self, *arguments: str, quiet: bool = False) -> bool:
        """Run OPA; with `quiet` only a failure is told."""
        done = run_opa(self._opa.path, *arguments)
        said = (done.stdout + done.stderr).strip()
        is_well = done.returncode == 0
        if said and not (quiet and is_well):
            _say(said[-20_000:])
        if not is_well:
            _say(f"opa {' '.join(arguments[:2])} failed")
        return is_well


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


def _tools(project: Path) -> Iterator[ToolContract]:
    yield from Workshop.of(project).project.catalogue


def _none(faults: Sequence[str]) -> bool:
    for fault in faults:
        _say(fault)
    return not faults


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
