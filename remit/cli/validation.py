"""`remit validate`: is this a plan that admission would take, as far as no policy is asked?

The answer for many files is one; the worst decides. Nothing is started and nothing is called.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.cli.compiling import Workshop, findings_of, near, read_plan_file
from remit.cli.errors import CliError, ExitCode, Finding
from remit.cli.outlook import Expected
from remit.cli.output import answer, documented, shown
from remit.cli.place import find_project
from remit.diagnostic import InvalidDocumentError
from remit.plan.compiler import Compilation


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one file."""

    name: str
    errors: list[Finding]
    compilation: Compilation | None = None
    is_read: bool = True
    note: str = ""
    """That it is a part of other plans, if it is only that."""

    @property
    def is_plan(self) -> bool:
        """Whether admission would take it."""
        return self.compilation is not None and self.compilation.compiled is not None

    @property
    def warnings(self) -> list[Finding]:
        """What is allowed but worth a look."""
        return findings_of(self.compilation.warnings) if self.compilation else []


def validate(files: Sequence[str], project: Path | None, *, as_part: bool, as_json: bool) -> int:
    """Check `files` and print what was found."""
    folder = find_project(project, near=near(files[0]))
    workshop = Workshop.of(folder)
    checked = [_checked(name, workshop, as_part=as_part) for name in files]
    noted = findings_of(workshop.project.findings)
    document = {
        "ok": all(each.is_plan for each in checked),
        "project": str(folder),
        "files": [_document(each) for each in checked],
        "project_warnings": documented(noted),
    }
    lines = [line for each in checked for line in _lines(each)]
    if noted:
        lines += [f"{folder}: worth a look", *_indented(shown(noted))]
    answer(document, lines, as_json=as_json)
    if not all(each.is_read for each in checked):
        return ExitCode.USAGE
    return ExitCode.OK if document["ok"] else ExitCode.FINDINGS


def _checked(name: str, workshop: Workshop, *, as_part: bool) -> Checked:
    try:
        seen = workshop.look_at(read_plan_file(name), as_part=as_part)
    except InvalidDocumentError as error:
        return Checked(name, findings_of(error.diagnostics))
    except CliError as error:
        return Checked(name, list(error.findings), is_read=False)
    compilation = seen.compilation
    return Checked(name, findings_of(compilation.diagnostics), compilation, note=seen.note)


def _document(checked: Checked) -> dict[str, object]:
    return {
        "file": checked.name,
        "ok": checked.is_plan,
        "plan": _head(checked.compilation),
        "outlook": _outlook(checked.compilation),
        "note": checked.note,
        "diagnostics": documented(checked.errors),
        "warnings": documented(checked.warnings),
    }


def _head(compilation: Compilation | None) -> dict[str, object] | None:
    plan = compilation.compiled if compilation else None
    if compilation is None or plan is None:
        return None
    return {
        "name": plan.name,
        "version": plan.version,
        "steps": len(plan.steps),
        "digest": plan.plan_digest,
        "compiled": compilation.digest,
    }


def _outlook(compilation: Compilation | None) -> dict[str, object] | None:
    plan = compilation.compiled if compilation else None
    if compilation is None or plan is None:
        return None
    return Expected.of(plan, compilation).document()


def _lines(checked: Checked) -> list[str]:
    plan = checked.compilation.compiled if checked.compilation else None
    if plan is None:
        count = len(checked.errors)
        head = f"{checked.name}: {count} finding{'s' if count != 1 else ''}"
    else:
        steps = f"{len(plan.steps)} step{'s' if len(plan.steps) != 1 else ''}"
        head = f"{checked.name}: ok, {plan.name} {plan.version}, {steps}, {plan.plan_digest}"
    lines = [head, *_indented([checked.note] if checked.note else [])]
    lines += _indented(shown(checked.errors))
    if checked.warnings:
        lines += ["  worth a look:", *_indented(shown(checked.warnings))]
    return lines


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
