"""Contracts of kind `process`: from the decorator, in YAML, and what must hold of them."""

import pytest

from remit.diagnostic import InvalidDocumentError
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract
from remit.tool.python import contract_of, tool


def made(**process: object) -> ToolContract:
    """Return the contract of a function with these bounds."""

    @tool(
        domain="shop",
        operation="write",
        idempotency="natural",
        owner="team:shop",
        version="1.0.0",
        irreversible=True,
        process=process,
    )
    def pack(things: list[str]) -> int:
        """Pack things."""
        return len(things)

    contract = contract_of(pack)
    assert contract is not None
    return contract


def test_bounds_stand_in_the_contract() -> None:
    """Those that are given, and the usual ones; they are part of its digest."""
    contract = made(memory_mib=256, environment={"TOKEN": "env:TOKEN"})

    assert contract.call.model_dump() == {
        "kind": "process",
        "function": f"{__name__}:pack",
        "environment": {"TOKEN": "env:TOKEN"},
        "cpu_s": 10,
        "memory_mib": 256,
        "processes": 1,
        "descriptors": 64,
        "file_mib": 64,
        "max_bytes": 1024 * 1024,
        "printed": "dropped",
    }
    assert Catalogue.of([contract]).refs == ("shop.pack@1",)
    assert contract.digest != made(memory_mib=257, environment={"TOKEN": "env:TOKEN"}).digest


@pytest.mark.parametrize(
    "bounds",
    [{"memory_mib": 1}, {"cpu_s": 0}, {"processes": 0}, {"descriptors": 3}, {"memory": 100}],
)
def test_bounds_that_are_none(bounds: dict[str, object]) -> None:
    """Out of range, or of another name: refused with the path."""
    with pytest.raises(InvalidDocumentError) as raised:
        made(**bounds)

    (found,) = raised.value.diagnostics
    assert (found.code, found.path) == ("TOOL-SHAPE", f"/pack/call/process/{next(iter(bounds))}")


@pytest.mark.parametrize("value", ["plain", "", "Bearer ${env:TOKEN}", "env:not a name"])
def test_variables_are_references(value: str) -> None:
    """A value in a contract would be read by everybody who reads contracts."""
    with pytest.raises(InvalidDocumentError) as raised:
        Catalogue.of([made(environment={"TOKEN": value})])

    (found,) = raised.value.diagnostics
    assert (found.code, found.path) == ("TOOL-SECRET", "/shop.pack@1/call/environment/TOKEN")
