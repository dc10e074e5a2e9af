"""Reading tool contracts from the YAML and JSON files of a project's `tools` folder.

A file holds one contract, a list of them, several YAML documents, or `defaults` and `tools`, where
each tool takes what it does not say itself from the defaults. Findings carry the file's name.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic, pointer
from remit.tool.contract import ToolContract
from remit.tool.document import DocumentError, parse_json, parse_yaml

MAX_FILE_BYTES = 1024 * 1024
"""Largest file of a project that is read."""
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


def read_file(reading: Reading, file: Path) -> bytes | None:
    """Return the content of `file`; `None` and a finding when it cannot be read or is too large."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reading.report(file, "PROJECT-UNREADABLE", f"{error.strerror}", "check its permissions")
        return None
    if len(content) > MAX_FILE_BYTES:
        message = f"larger than {MAX_FILE_BYTES} bytes"
        reading.report(file, "PROJECT-TOO-LARGE", message, "split it")
        return None
    return content


def read_documents(reading: Reading, file: Path) -> list[JSON]:
    """Return the documents in a JSON or YAML file; none and a finding when there is no reading."""
    content = read_file(reading, file)
    if content is None:
        return []
    try:
        return [parse_json(content)] if file.suffix == ".json" else parse_yaml(content)
    except DocumentError as error:
        reading.report(file, "PROJECT-NOT-READ", str(error), "put the text right")
        return []


def read_contracts(reading: Reading, folder: Path) -> None:
    """Read every contract file of `folder` into `reading`."""
    for file in files(reading, folder, ".yaml", ".yml", ".json"):
        for number, document in enumerate(read_documents(reading, file)):
            where = (number,) if number else ()
            for place, written in _written(document, where):
                _take(reading, file, place, written)


def _written(
    document: JSON, where: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], JSON]]:
    """Yield each contract of a document with its place in the file."""
    match document:
        case list():
            for index, tool in enumerate(document):
                yield (*where, index), tool
        case dict() if "tools" in document and document.keys() <= {"tools", "defaults"}:
            tools = document["tools"]
            for index, tool in enumerate(tools if isinstance(tools, list) else [tools]):
                whole = _with_defaults(tool, document.get("defaults", {}))
                yield (*where, "tools", index), whole
        case _:
            yield where, document


def _with_defaults(tool: JSON, defaults: JSON) -> JSON:
    if not isinstance(tool, dict) or not isinstance(defaults, dict):
        return tool
    merged: JSONObject = {**defaults, **tool}
    call, shared = tool.get("call"), defaults.get("call")
    if isinstance(call, dict) and isinstance(shared, dict):
        merged["call"] = {**shared, **call}
    return merged


def _take(reading: Reading, file: Path, where: tuple[str | int, ...], written: JSON) -> None:
    try:
        reading.add(ToolContract.model_validate(written), reading.name_of(file))
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False):
            place = pointer(*where, *each["loc"])
            message = f"{_label(written)}{each['msg']}"
            reading.report(file, "TOOL-SHAPE", message, "see the reference of contracts", place)


def _label(written: JSON) -> str:
    name = written.get("name") if isinstance(written, dict) else None
    return f"{name[:120]}: " if isinstance(name, str) else ""
