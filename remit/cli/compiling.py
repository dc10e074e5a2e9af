"""From a file's name to a compilation: read the plan, read the project, ask the one compiler.

The same compiler, catalogue and library as admission's, so a plan that passes here fails there only
if the project changed or policy says no. Everything heavy is imported here, so commands import this
module when they run.
"""

import contextlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import JSON
from remit.cli.errors import CliError, ExitCode, Finding, finding_of, usage
from remit.diagnostic import Diagnostic, InvalidDocumentError
from remit.plan.compiler import Compilation, compile_plan
from remit.plan.contract import MAX_PLAN_BYTES
from remit.plan.document import read_document
from remit.plan.library import Library
from remit.stores.project import Project, load_project

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a document that may be a plan of its own or a part of others."""

    compilation: Compilation
    part_of: tuple[str, ...] = ()
    """Plans for which it was compiled as a part: by itself it would lack inputs."""

    @property
    def note(self) -> str:
        """Say that it is a part, in words; empty for a plan of its own."""
        return f"a part of {', '.join(self.part_of)}: they give its inputs" if self.part_of else ""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What plans are compiled against."""

    project: Project
    library: Library

    @classmethod
    def of(cls, folder: Path) -> "Workshop":
        """Read the project in `folder`.

        Raises:
            CliError: every fault of its tools; exit code 1.
        """
        try:
            # Importing a project's tools runs its code; what that prints must not end in our JSON.
            with contextlib.redirect_stdout(sys.stderr):
                project = load_project(folder)
        except InvalidDocumentError as error:
            raise CliError(findings_of(error.diagnostics), ExitCode.FINDINGS) from error
        return cls(project, Library(project.library_documents))

    def compile(self, document: JSON, *, as_part: bool = False) -> Compilation:
        """Compile `document` as admission does; `as_part`, as a sub-plan of another."""
        return compile_plan(document, self.project.catalogue, self.library, as_part=as_part)

    def look_at(self, document: JSON, *, as_part: bool = False) -> Seen:
        """Compile `document` as a run would; where that fails and others use it, as they do.

        A sub-plan of the catalogue is given its inputs by its callers, so without them it is no
        plan to start, and yet nothing is wrong with it.
        """
        compilation = self.compile(document, as_part=as_part)
        if compilation.compiled is None and not as_part:
            users = self.library.users(_ref_of(document))
            if users:
                return Seen(self.compile(document, as_part=True), users)
        return Seen(compilation)


def _ref_of(document: JSON) -> str:
    if not isinstance(document, dict):
        return ""
    return str(document.get("plan") or f"{document.get('name')}@{document.get('version')}")


def read_plan_file(name: str) -> JSON:
    """Return the JSON value in the file `name`, or of standard input for `-`.

    Raises:
        CliError: `FILE-UNREADABLE` with exit code 2.
        InvalidDocumentError: it is too large, not UTF-8, malformed, or repeats a key.
    """
    # One byte more than is taken tells that it is too large, whatever the file's size.
    try:
        if name == STDIN:
            text = sys.stdin.buffer.read(MAX_PLAN_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                text = file.read(MAX_PLAN_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        hint = "name a plan in JSON or YAML"
        raise usage("FILE-UNREADABLE", f"{name!r} cannot be read: {why}", hint) from error
    # YAML is nearly a superset of JSON, so what comes through a pipe may be either.
    return read_document(text, "stdin.yaml" if name == STDIN and not _is_json(text) else name)


def compiled_file(name: str, workshop: Workshop, *, as_part: bool = False) -> Compilation:
    """Return the compilation of a file that must be a plan.

    Raises:
        CliError: every finding; exit code 1, or 2 when it cannot be read.
    """
    try:
        compilation = workshop.look_at(read_plan_file(name), as_part=as_part).compilation
    except InvalidDocumentError as error:
        raise CliError(findings_of(error.diagnostics), ExitCode.FINDINGS) from error
    if compilation.compiled is None:
        raise CliError(findings_of(compilation.diagnostics), ExitCode.FINDINGS)
    return compilation


def findings_of(diagnostics: Iterable[Diagnostic]) -> list[Finding]:
    """Return diagnostics as the command line shows them."""
    return [finding_of(diagnostic) for diagnostic in diagnostics]


def near(name: str) -> Path | None:
    """Return the file beside which a project is looked for."""
    return None if name == STDIN else Path(name)


def _is_json(text: bytes) -> bool:
    return text.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")
