"""What must hold of the way out that a contract writes, whatever its kind.

Hosts that are listed, header names that are free, and references where a secret stands.
"""

from collections.abc import Iterator

from remit.diagnostic import Diagnostic
from remit.tool.address import Address, AddressError
from remit.tool.contract import ToolContract
from remit.tool.places import Where, finding
from remit.tool.reach import Reach
from remit.tool.secret import is_whole_reference, reference_fault

_SECRETS = "write a reference such as `env:NAME`, see docs/egress.md#secrets"


def server_faults(contract: ToolContract, where: Where, url: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with the address of a server, which no argument may change."""
    try:
        address = Address.parse(url)
    except AddressError as error:
        yield finding(contract, "TOOL-URL", where, str(error), "write the server's address")
        return
    if address.arguments:
        message = "the address of a server takes no arguments"
        yield finding(contract, "TOOL-URL", where, message, "write them out")
    yield from host_faults(contract, where, address)


def host_faults(contract: ToolContract, where: Where, address: Address) -> Iterator[Diagnostic]:
    """Yield why the host of an address may not be reached, as far as it is written there."""
    if not contract.destinations:
        hint = "list the host names it may reach"
        yield finding(contract, "TOOL-DESTINATION", ("destinations",), "there are none", hint)
    elif address.host is not None and (fault := Reach.of(contract).host_fault(address.host)):
        yield finding(contract, "TOOL-DESTINATION", where, fault, "add the host to them")


def header_faults(
    contract: ToolContract, where: Where, name: str, *, is_taken: bool
) -> Iterator[Diagnostic]:
    """Yield why a header may not be set; one that is taken is Remit's own."""
    if is_taken:
        message = f"the header {name!r} is set by Remit or changes what a request is"
        yield finding(contract, "TOOL-HEADER", where, message, "drop it")
    elif not (name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
        message = f"{name!r} is not a header name"
        yield finding(contract, "TOOL-HEADER", where, message, "use letters, digits and '-'")


def text_faults(contract: ToolContract, where: Where, text: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with the references in a text."""
    if fault := reference_fault(text):
        yield finding(contract, "TOOL-SECRET", where, fault, _SECRETS)


def secret_faults(contract: ToolContract, where: Where, text: str) -> Iterator[Diagnostic]:
    """Yield why a text is not a reference to a secret, and nothing else."""
    if is_whole_reference(text):
        yield from text_faults(contract, where, text)
    else:
        message = "it is no secret reference; a contract holds no secrets"
        yield finding(contract, "TOOL-SECRET", where, message, _SECRETS)
