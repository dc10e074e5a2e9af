"""What must hold of the environment that a contract gives to a process."""

from collections.abc import Iterator, Mapping

from remit.diagnostic import Diagnostic
from remit.tool.contract import ToolContract
from remit.tool.places import Where, finding
from remit.tool.secret import is_whole_reference, reference_fault


def environment_faults(
    contract: ToolContract, code: str, where: Where, environment: Mapping[str, str]
) -> Iterator[Diagnostic]:
    """Yield the variables that are no references (`code`), or malformed ones (`TOOL-SECRET`)."""
    for name, value in environment.items():
        place = (*where, name)
        if not is_whole_reference(value):
            message = f"{name} has a value in place of a reference"
            yield finding(contract, code, place, message, "write `env:NAME` or `file:PATH`")
        elif fault := reference_fault(value):
            yield finding(contract, "TOOL-SECRET", place, fault, "see docs/egress.md#secrets")
