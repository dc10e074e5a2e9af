"""What must hold of a `process` tool beyond its shape."""

from collections.abc import Iterator

from remit.diagnostic import Diagnostic
from remit.tool.contract import ToolContract
from remit.tool.environment_checks import environment_faults
from remit.tool.process import ProcessKind


def process_faults(contract: ToolContract, call: ProcessKind) -> Iterator[Diagnostic]:
    """Yield everything that is wrong with the `process` part of `contract`."""
    where = ("call", "environment")
    yield from environment_faults(contract, "TOOL-PROCESS-ENVIRONMENT", where, call.environment)
