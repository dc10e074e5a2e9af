"""What must hold of a `process` tool beyond its shape."""

from collections.abc import Iterator

from remit.diagnostic import Diagnostic
from remit.tool.contract import ToolContract
from remit.tool.outside_checks import secret_faults
from remit.tool.process import ProcessKind


def process_faults(contract: ToolContract, call: ProcessKind) -> Iterator[Diagnostic]:
    """Yield everything that is wrong with the `process` part of `contract`."""
    for name, value in call.environment.items():
        yield from secret_faults(contract, ("call", "environment", name), value)
