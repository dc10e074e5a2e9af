"""What must hold of a `human` tool: nothing is called, so nothing can be asked again."""

from collections.abc import Iterator

from remit.diagnostic import Diagnostic
from remit.tool.contract import Idempotency, ToolContract
from remit.tool.human import HumanKind
from remit.tool.places import finding


def human_faults(contract: ToolContract, call: HumanKind) -> Iterator[Diagnostic]:
    """Yield everything that is wrong with the `human` part of `contract`."""
    if not call.instructions.strip():
        where = ("call", "instructions")
        yield finding(contract, "TOOL-BLANK", where, "instructions are blank", "fill them in")
    if contract.idempotency is not Idempotency.NATURAL:
        message = f"idempotency `{contract.idempotency.value}`, but nobody is called"
        hint = "write `natural`: the answer is in the ledger, and is taken from there again"
        yield finding(contract, "TOOL-HUMAN-CALL", ("idempotency",), message, hint)
    if contract.probe is not None:
        message = "a task for a person has no probe"
        yield finding(contract, "TOOL-HUMAN-CALL", ("probe",), message, "drop it")
