"""`remit policy check`: all that is wrong with a project's policies, and nothing put in force.

Everything that a bundle is held to, and besides what a bundle cannot tell: codes that mean two
things, who owns which rules, the project's own tests, and OPA's format. Needs OPA's program and no
stack.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from remit.cli.errors import CliError, ExitCode, Finding, finding_of, usage
from remit.cli.output import answer, documented, note, shown
from remit.cli.place import find_project
from remit.cli.policy import lint
from remit.cli.policy.controls import OWNERS, Owners
from remit.cli.policy.syntax import Module, UnparsableError, parse
from remit.cli.stack.binaries import OPA, cache_folder, ensure
from remit.cli.stack.bundle import BundleBuilder
from remit.cli.stack.components import core_policies
from remit.cli.stack.errors import PolicyError, StackCode
from remit.cli.stack.opa_run import run_opa
from remit.cli.stack.sources import CORE, PROJECT, PolicyRoot, read_sources

_PASSED, _FAILED = (0, 2)
_CONFLICT, _OWNER = StackCode.POLICY_CONFLICT.value, StackCode.POLICY_OWNER.value
_ONE_MEANING = "a code means one thing, whoever says it: give one of them another code"
_LABEL = "write `# labels: {owner: NAME}` above the package, or name them in `OWNERS`"


class Tested(BaseModel):
    """What OPA says of one test."""

    package: str
    name: str
    fail: bool = False
    error: object = None
    location: dict[str, object]

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.location.get('file')}:{self.location.get('row')}"


_TESTED = TypeAdapter(tuple[Tested, ...])


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of policies."""

    findings: Sequence[Finding]
    revision: str = ""
    """That they would have in force; empty while they cannot be built."""
    tests: int = 0
    """Tests of their own that were run."""


def check(folder: Path | None, project: Path | None, *, as_json: bool) -> int:
    """Check the policies in a folder, else the project's, and print what was found."""
    policies = folder or find_project(project) / "policies"
    if not policies.is_dir():
        hint = "name a folder as `policies` of a project is one"
        raise usage("FILE-UNREADABLE", f"{str(policies)!r} is no folder", hint)
    found = checked(policies)
    document = {
        "ok": not found.findings,
        "revision": found.revision,
        "tests": found.tests,
        "diagnostics": documented(found.findings),
    }
    sound = f"sound: {found.tests or 'no'} tests of their own pass; nothing is in force by it"
    lines = shown(found.findings) or [f"policies {found.revision}", f"  {sound}"]
    answer(document, lines, as_json=as_json)
    return ExitCode.FINDINGS if found.findings else ExitCode.OK


def checked(policies: Path) -> Checked:
    """Return all that is wrong with policies.

    Raises:
        StackError: there is no OPA.
    """
    opa = ensure(OPA, note, cache=cache_folder(), search=os.environ.get("PATH", "")).path
    core = core_policies()
    sources = read_sources((PolicyRoot(CORE, core), PolicyRoot(PROJECT, policies)))
    try:
        revision = BundleBuilder(opa).build(sources).revision
    except PolicyError as error:
        return Checked([finding_of(error.diagnostic)])
    try:
        tests = parse(opa, sorted(policies.rglob("*_test.rego")))
    except UnparsableError as error:
        return Checked([Finding(StackCode.POLICY_CHECK_FAILED.value, str(error)[:2000])], revision)
    ran = _tests(opa, core, policies, tests)
    findings = [
        *_unsound(opa, policies),
        *(_failed(one) for one in ran if one.fail or one.error),
        *(_unformatted(file) for file in _run(opa, "fmt", "--list", str(policies)).splitlines()),
    ]
    return Checked(findings, revision, len(ran))


def refuse_unsound(opa: Path, policies: Path) -> None:
    """Refuse rules that fight, and rules of whom `OWNERS` names another owner.

    Raises:
        PolicyError: `POLICY-CONFLICT` or `POLICY-OWNER`.
    """
    found = _unsound(opa, policies)
    if found:
        same = [one for one in found if one.code == found[0].code]
        said = "; ".join(one.message for one in same[:20])
        raise PolicyError(StackCode(found[0].code), said, hint=found[0].hint)


def _unsound(opa: Path, policies: Path) -> list[Finding]:
    """Tell codes that mean two things, within a project's rules or together with Remit's own, and
    rules without the owner that the project's `OWNERS` names."""
    files = [f for folder in (core_policies(), policies) for f in sorted(folder.rglob("*.rego"))]
    rules = parse(opa, [file for file in files if not file.name.endswith("_test.rego")])
    found = [Finding(_CONFLICT, said, _ONE_MEANING) for said in lint.conflicts(rules)]
    if (policies / OWNERS).is_file():
        owners = Owners((policies / OWNERS).read_text(encoding="utf-8"))
        found += [Finding(_OWNER, said, _LABEL) for said in lint.disowned(rules, owners, policies)]
    return found


def _failed(test: Tested) -> Finding:
    why = f"it ended in an error: {str(test.error)[:500]}" if test.error else "it does not hold"
    hint = "put the rule or the test right; `opa eval` shows what a rule gives"
    name = f"{test.package.removeprefix('data.')}.{test.name}"
    return Finding(StackCode.POLICY_TEST_FAILED.value, f"{name}: {why}", hint, test.place)


def _unformatted(file: str) -> Finding:
    said = "it is not written as OPA formats it"
    return Finding(StackCode.POLICY_FORMAT.value, said, f"`opa fmt --write {file}` writes it", file)


def _tests(opa: Path, core: Path, policies: Path, tests: Sequence[Module]) -> Sequence[Tested]:
    """Run the project's own tests, together with Remit's functions and both halves of the data."""
    if not tests:
        return ()
    packages = "|".join(re.escape(package) for package in sorted({one.package for one in tests}))
    run = ("--run", rf"^data\.({packages})\.", "--ignore", "*.json", "--format", "json")
    said = _run(opa, "test", *run, str(core), str(policies))
    try:
        return _TESTED.validate_json(said or "[]")
    except ValidationError as error:
        raise _refused(said or "`opa test` said nothing") from error


def _run(opa: Path, *arguments: str) -> str:
    """Return what OPA prints; a test that fails is an answer too."""
    done = run_opa(opa, *arguments)
    if done.returncode not in (_PASSED, _FAILED):
        raise _refused(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def _refused(said: str) -> CliError:
    hint = "correct the policy or its tests"
    finding = Finding(StackCode.POLICY_CHECK_FAILED.value, said[:2000], hint)
    return CliError([finding], ExitCode.FINDINGS)
