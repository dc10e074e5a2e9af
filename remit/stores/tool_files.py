"""Reading tool contracts from the YAML and JSON files of a project's `tools` folder.

A file holds one contract, a list of them, several YAML documents, or `tools` with what they share
(`remit.tool.written`). `NAME.overrides.yaml` is laid over `NAME.yaml`. Findings carry the file's
name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from remit.canonical import JSON
from remit.diagnostic import Diagnostic, pointer
from remit.tool.contract import ToolContract
from remit.tool.document import DocumentError, parse_json, parse_yaml
from remit.tool.written import Written, contracts_in, overridden

OVERRIDES = ".overrides"
"""Ending of the name, before its suffix, of a file that is laid over another."""
MAX_FILE_BYTES = 1024 * 1024
"""Largest file of a project that is read."""
MAX_TOOLS_BYTES = 8 * 1024 * 1024
"""Largest file of tool contracts: a service may have thousands of operations."""
MAX_FILES = 1000
"""Most files that are read from one folder."""


@dataclass(slots=True)
class Reading:
    """What was found in one folder so far."""

    folder: Path
    """The project; names of files are shown relative to it."""
    contracts: list[ToolContract] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    """`name@major` to the file that described it first."""
    findings: list[Diagnostic] = field(default_factory=list)

    def add(self, contract: ToolContract, source: str) -> None:
        """Take a contract in."""
        self.contracts.append(contract)
        self.sources.setdefault(contract.ref, source)

    def name_of(self, file: Path) -> str:
        """Return the name under which `file` is shown."""
        return file.relative_to(self.folder).as_posix()

    def report(self, file: Path, code: str, message: str, hint: str, where: str = "") -> None:
        """Add a finding about `file`; `where` is a JSON pointer inside it."""
        name = self.name_of(file)
        self.findings.append(
            Diagnostic(
                code=code,
                path=f"{name}#{where}" if where else name,
                message=f"{name}: {message}",
                hint=hint,
            )
        )


def files(reading: Reading, folder: Path, *endings: str) -> list[Path]:
    """Return the folder's plain files with one of `endings`, by name; none if it is absent."""
    if not folder.is_dir():
        return []
    found = sorted(
        file
        for file in folder.iterdir()
        if file.suffix in endings and not file.name.startswith((".", "_")) and file.is_file()
    )
    if len(found) > MAX_FILES:
        message = f"{len(found)} files, more than {MAX_FILES}"
        reading.report(folder, "PROJECT-TOO-LARGE", message, "split the project")
    return found[:MAX_FILES]


def read_file(reading: Reading, file: Path, most: int = MAX_FILE_BYTES) -> bytes | None:
    """Return the content of `file`; `None` and a finding when it cannot be read or is too large."""
    try:
        with file.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        reading.report(file, "PROJECT-UNREADABLE", f"{error.strerror}", "check its permissions")
        return None
    if len(content) > most:
        message = f"larger than {most} bytes"
        reading.report(file, "PROJECT-TOO-LARGE", message, "split it")
        return None
    return content


def read_documents(reading: Reading, file: Path) -> list[JSON]:
    """Return the documents in a JSON or YAML file; none and a finding when there is no reading."""
    content = read_file(reading, file)
    return [] if content is None else _parsed(reading, file, content)


def read_contracts(
    reading: Reading, folder: Path, instead: Mapping[Path, bytes] | None = None
) -> None:
    """Read every contract file of `folder` into `reading`.

    Args:
        reading: takes contracts and findings.
        folder: the project's `tools`.
        instead: contents of files that are not there yet, or not so.
    """
    given = instead or {}
    there = files(reading, folder, ".yaml", ".yml", ".json")
    listed = sorted({*there, *given})
    overrides = {_overridden_name(file): file for file in listed if _is_overrides(file)}
    for file in listed:
        if _is_overrides(file):
            continue
        documents = _contents(reading, file, given)
        patch = overrides.pop(file.stem, None)
        if patch is not None:
            documents = _patched(reading, file, documents, patch, given)
        for number, document in enumerate(documents):
            for written in contracts_in(document, (number,) if number else ()):
                _take(reading, file, written)
    for name, file in overrides.items():
        message, hint = f"there is no file {name!r} that it is laid over", "name it like that file"
        reading.report(file, "TOOL-OVERRIDE", message, hint)


def _is_overrides(file: Path) -> bool:
    return file.stem.endswith(OVERRIDES)


def _overridden_name(file: Path) -> str:
    return file.stem.removesuffix(OVERRIDES)


def _contents(reading: Reading, file: Path, given: Mapping[Path, bytes]) -> list[JSON]:
    content = given.get(file) or read_file(reading, file, MAX_TOOLS_BYTES)
    return [] if content is None else _parsed(reading, file, content)


def _parsed(reading: Reading, file: Path, content: bytes) -> list[JSON]:
    try:
        return [parse_json(content)] if file.suffix == ".json" else parse_yaml(content)
    except DocumentError as error:
        reading.report(file, "PROJECT-NOT-READ", str(error), "put the text right")
        return []


def _patched(
    reading: Reading,
    file: Path,
    documents: list[JSON],
    overrides: Path,
    given: Mapping[Path, bytes],
) -> list[JSON]:
    """Return the file's documents with its overrides laid over them."""
    patches = _contents(reading, overrides, given)
    if not patches:
        return documents
    document, wrong = overridden(documents[0] if documents else None, patches[0])
    if len(patches) > 1 or len(documents) > 1:
        wrong = [*wrong, f"{file.name} and its overrides hold one document each"]
    for message in wrong:
        hint = "`remit tools` lists what there is; overrides hold `defaults` and `tools` by name"
        reading.report(overrides, "TOOL-OVERRIDE", message, hint)
    return [document]


def _take(reading: Reading, file: Path, written: Written) -> None:
    try:
        reading.add(ToolContract.model_validate(written.document), reading.name_of(file))
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False):
            place = pointer(*written.place, *each["loc"])
            message = f"{_label(written.document)}{each['msg']}"
            reading.report(file, "TOOL-SHAPE", message, "see the reference of contracts", place)


def _label(written: JSON) -> str:
    name = written.get("name") if isinstance(written, dict) else None
    return f"{name[:120]}: " if isinstance(name, str) else ""
