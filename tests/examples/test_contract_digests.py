"""A field that Remit learns later changes no contract that does not use it."""

from pathlib import Path

import pytest

from remit.canonical import digest
from remit.stores.project import load_project
from remit.tool.contract import ToolContract
from tests.running import ROOT
from tests.tool.contracts import contract

FIELDS_OF_BEFORE = frozenset(
    [
        *("name", "version", "owner", "description", "domain", "operation", "input_schema"),
        *("output_schema", "idempotency", "call", "settle_s", "timeout_s", "heartbeat_s"),
        *("cancellable", "irreversible", "compensation", "probe", "read_back", "data_classes"),
        *("region", "destinations", "cost", "rate_limit", "task_queue"),
    ]
)
"""Fields that contracts had when the first plans pinned them."""


def of_before(one: ToolContract) -> str:
    """Return the digest that a contract had then."""
    dumped = one.model_dump(mode="json")
    if isinstance(dumped["read_back"], dict):
        # It named a read then, and compared nothing.
        dumped["read_back"] = {name: dumped["read_back"][name] for name in ("tool", "args")}
    return digest({name: dumped[name] for name in FIELDS_OF_BEFORE})


def compares(one: ToolContract) -> bool:
    """Say whether a contract's read-back says more than which read."""
    return one.read_back is not None and (one.read_back.expect is not None or one.seen_within_s > 0)


def uses_later(one: ToolContract) -> bool:
    """Say whether a contract uses a field that contracts had not then."""
    said = (one.resource, one.private, one.concurrency, one.breaker, one.quality, compares(one))
    return any(bool(each) for each in said)


@pytest.mark.parametrize("folder", ["examples/backoffice", "tests/lab", "chaos/project"])
def test_a_contract_keeps_its_digest(folder: str) -> None:
    """Plans in flight pin contracts by digest: with a new one each would be `TOOL-DRIFTED`."""
    catalogue = load_project(ROOT / Path(folder)).catalogue
    later = {one.ref for one in catalogue if one.digest != of_before(one)}

    assert later == {one.ref for one in catalogue if uses_later(one)}


def test_a_contract_that_uses_a_new_field_is_another() -> None:
    """What is used is pinned, and survives being written and read."""
    used = contract(resource=["/id"])

    assert used.digest != contract().digest
    assert contract(resource=[]).digest == contract().digest
    assert ToolContract.model_validate_json(used.model_dump_json()) == used
    assert ToolContract.model_validate_json(contract().model_dump_json()).resource == []
