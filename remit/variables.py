"""What is wrong with the `REMIT_*` variables of a process, in words for whoever started it."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import SettingsError

LedgerAddress = Annotated[str, Field(pattern=r"^(sqlite:///.|postgresql(\+psycopg)?://)")]
"""`sqlite:///FILE`, or `postgresql+psycopg://USER@HOST/DATABASE?password_file=PATH`. Settings give
it no default: a ledger that nobody chose would hold what nobody looks for."""


def faults_of(error: ValidationError | SettingsError) -> Iterator[str]:
    """Yield each fault with the variable's name; never its value."""
    if isinstance(error, SettingsError):
        yield str(error)
        return
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        said = "it is not set" if fault["type"] == "missing" else fault["msg"]
        where = ".".join(map(str, fault["loc"]))
        name, dot, inside = where.partition(".")
        yield f"REMIT_{name.upper()}{dot}{inside}: {said}" if where else said
