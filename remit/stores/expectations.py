"""Reading what consumers expect: a project's `expectations` folder, or one of somebody else's.

A file holds one consumer, or several as YAML documents. What is not understood is a finding, and
all of them come at once: an expectation that nobody reads would hold nobody to anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from remit.canonical import JSON
from remit.diagnostic import Diagnostic, InvalidDocumentError, pointer
from remit.stores.tool_files import Reading, files, read_documents
from remit.tool.expectation import Consumer
from remit.tool.validation import SchemaError, validator

FOLDER = "expectations"
"""Name of the folder in a project."""
_ENDINGS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Stated:
    """A consumer, and where it stands."""

    consumer: Consumer
    source: str
    """File, and the place of the document in it, in front of a JSON pointer."""

    def told(self, finding: Diagnostic) -> Diagnostic:
        """Return a finding about the consumer's document with the file's name."""
        return finding.model_copy(update={"path": self.source + finding.path})


def read_expectations(place: Path) -> list[Stated]:
    """Return the consumers in a folder or file; none when a folder is absent.

    Raises:
        InvalidDocumentError: with every fault; paths are `file#pointer`.
    """
    reading = Reading(place.absolute().parent)
    listed = [place.absolute()] if place.is_file() else files(reading, place.absolute(), *_ENDINGS)
    found = [stated for file in listed for stated in _read(reading, file)]
    if reading.findings:
        raise InvalidDocumentError(reading.findings)
    return found


def _read(reading: Reading, file: Path) -> Iterator[Stated]:
    for number, document in enumerate(read_documents(reading, file)):
        where = pointer(number) if number else ""
        consumer = _consumer(reading, file, document, where)
        if consumer is not None:
            yield Stated(consumer, f"{reading.name_of(file)}#{where}")


def _consumer(reading: Reading, file: Path, document: JSON, where: str) -> Consumer | None:
    try:
        consumer = Consumer.model_validate(document)
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False):
            path = where + pointer(*each["loc"])
            reading.report(file, "EXPECTATION-SHAPE", str(each["msg"]), _HINT, path)
        return None
    for at, expectation in enumerate(consumer.expects):
        try:
            validator(expectation.reads)
        except SchemaError as error:
            path = where + pointer("expects", at, "reads")
            reading.report(file, "EXPECTATION-SHAPE", f"no JSON Schema: {error}", _HINT, path)
    return consumer


_HINT = "docs/contracts.md shows one"
