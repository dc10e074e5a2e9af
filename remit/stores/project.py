"""A user's own folder: its tools and plans, read and checked in one go.

    folder/tools/*.yaml *.yml *.json    tool contracts
    folder/tools/*.py                   functions decorated with `@tool`
    folder/plans/*.json *.yaml *.yml    plans that others may name as `name@version`
    folder/remit.toml                   `[oauth.NAME]`: where tools' access tokens come from

The rest of `remit.toml` and `policies` belong to others (`remit.cli.stack`). Whoever holds a
`Project` has a catalogue without faults; a plan that cannot be read is a finding and absent,
nothing worse. Plans are not compiled here. Sizes and numbers of files are bounded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic, InvalidDocumentError
from remit.stores.oauth import load_clients
from remit.stores.tool_files import Reading, files, read_contracts, read_documents
from remit.stores.tool_modules import bound_functions, read_modules
from remit.tool.binding import BoundFunction
from remit.tool.catalogue import Catalogue
from remit.tool.oauth import OAuthClient, client_faults


@dataclass(frozen=True, slots=True)
class Project:
    """What a folder holds."""

    folder: Path
    catalogue: Catalogue
    functions: Mapping[str, BoundFunction]
    """The functions of `python` tools, by `module:function`."""
    clients: Mapping[str, OAuthClient]
    """Those of OAuth 2, by name."""
    library_documents: Mapping[str, JSONObject]
    """Plan documents by `name@version`, as they were written."""
    plan_files: Mapping[str, str]
    """`name@version` to the file that holds the plan, relative to the folder."""
    findings: tuple[Diagnostic, ...]
    """Plans that could not be taken, and the catalogue's warnings."""


def load_project(folder: Path) -> Project:
    """Read `folder`; missing sub-folders count as empty.

    Raises:
        InvalidDocumentError: with every fault of the tools; paths are `file#pointer`.
    """
    folder = folder.absolute()
    reading = Reading(folder)
    if not folder.is_dir():
        hint = f"`remit init {folder}` makes one"
        raise InvalidDocumentError(
            [Diagnostic(code="PROJECT-MISSING", path="", message="no such folder", hint=hint)]
        )
    functions = _read_tools(reading)
    clients = load_clients(folder)
    catalogue = _catalogue(reading, clients)
    plans = Reading(folder)
    documents, plan_files = _read_plans(plans)
    noted = tuple(_in_file(each, reading.sources) for each in catalogue.warnings)
    findings = (*plans.findings, *noted)
    return Project(folder, catalogue, functions, clients, documents, plan_files, findings)


def check_tools(folder: Path, instead: Mapping[Path, bytes]) -> Catalogue:
    """Return the catalogue that `folder` would have with these contents of files of contracts.

    Raises:
        InvalidDocumentError: with every fault of the tools; paths are `file#pointer`.
    """
    reading = Reading(folder.absolute())
    _read_tools(reading, instead)
    return _catalogue(reading, load_clients(reading.folder))


def _read_tools(
    reading: Reading, instead: Mapping[Path, bytes] | None = None
) -> Mapping[str, BoundFunction]:
    folder = reading.folder / "tools"
    read_contracts(reading, folder, instead)
    return bound_functions(reading, read_modules(reading, folder))


def _catalogue(reading: Reading, clients: Mapping[str, OAuthClient]) -> Catalogue:
    """Return the catalogue; raises all findings, those of the files and those of the contracts."""
    found = [each for one in reading.contracts for each in client_faults(one, clients)]
    try:
        catalogue = Catalogue.of(reading.contracts)
    except InvalidDocumentError as error:
        raise _faulty(reading, [*error.diagnostics, *found]) from error
    if reading.findings or found:
        raise _faulty(reading, found)
    return catalogue


def _faulty(reading: Reading, found: Sequence[Diagnostic]) -> InvalidDocumentError:
    located = [_in_file(each, reading.sources) for each in found]
    return InvalidDocumentError([*reading.findings, *located])


def _in_file(finding: Diagnostic, sources: Mapping[str, str]) -> Diagnostic:
    """Put the file's name before a path that begins with `name@major`."""
    ref = finding.path.removeprefix("/").split("/", 1)[0]
    name = sources.get(ref)
    return (
        finding if name is None else finding.model_copy(update={"path": name + "#" + finding.path})
    )


def _read_plans(reading: Reading) -> tuple[dict[str, JSONObject], dict[str, str]]:
    documents: dict[str, JSONObject] = {}
    sources: dict[str, str] = {}
    for file in files(reading, reading.folder / "plans", ".json", ".yaml", ".yml"):
        for document in read_documents(reading, file):
            ref = _plan_ref(document)
            if ref is None or not isinstance(document, dict):
                hint = "a plan is an object with `name` and `version`"
                reading.report(file, "PLAN-UNNAMED", "this is not a plan", hint)
            elif ref in documents:
                hint = "give it another version"
                message = f"{ref!r} stands in {sources[ref]!r} already"
                reading.report(file, "PLAN-DUPLICATE", message, hint)
            else:
                documents[ref] = document
                sources[ref] = reading.name_of(file)
    return documents, sources


def _plan_ref(document: JSON) -> str | None:
    match document:
        case {"name": str(name), "version": str(version)}:
            return f"{name}@{version}"
    return None
