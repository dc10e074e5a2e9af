"""From what was typed to a plan that can be started: a file, or `name@version` of the catalogue."""

import re
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import JSON, JSONObject
from remit.cli.compiling import Seen, Workshop, findings_of, near, read_plan_file
from remit.cli.errors import CliError, ExitCode
from remit.cli.inputs import with_inputs
from remit.cli.place import find_project
from remit.diagnostic import InvalidDocumentError
from remit.plan.compiled import CompiledPlan
from remit.plan.compiler import Compilation

_REF = re.compile(r"[a-z][a-z0-9-]{0,63}@\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that passed every check that needs no policy."""

    folder: Path
    """The project."""
    document: JSON
    """What to start: as it was written, inputs laid over."""
    compilation: Compilation
    plan: CompiledPlan
    note: str = ""
    """That it was taken as a part of other plans, if it was."""


def prepare(
    name: str, inputs: JSONObject, project: Path | None, *, to_start: bool = True
) -> Prepared:
    """Read and compile what `name` names.

    Args:
        name: a file, or `name@version` of the catalogue.
        inputs: laid over the plan's own.
        project: its folder; `None` to look for one.
        to_start: whether it must stand by itself, or may be a part of other plans.

    Raises:
        CliError: every finding; exit code 1, or 2 when it cannot be read.
    """
    is_ref = _REF.fullmatch(name) is not None and not Path(name).exists()
    folder = find_project(project, near=None if is_ref else near(name))
    workshop = Workshop.of(folder)
    try:
        read: JSON = {"plan": name} if is_ref else read_plan_file(name)
    except InvalidDocumentError as error:
        raise CliError(findings_of(error.diagnostics), ExitCode.FINDINGS) from error
    document = with_inputs(read, inputs)
    seen = Seen(workshop.compile(document)) if to_start else workshop.look_at(document)
    compilation = seen.compilation
    if compilation.compiled is None:
        raise CliError(findings_of(compilation.diagnostics), ExitCode.FINDINGS)
    return Prepared(folder, document, compilation, compilation.compiled, seen.note)
