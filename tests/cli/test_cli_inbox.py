"""`remit inbox` in words and as JSON, without a stack."""

from dataclasses import replace

from remit.approval.ballot import standing
from remit.cli.approvals.inbox import Item
from tests.stores.ledger_values import gate, run_row, vote


def test_whose_name_was_proven_is_told() -> None:
    """Who agreed and who has it in hand; a name without a proof is marked."""
    asked = gate(quorum=3)
    claim = replace(vote("e3", "bob", verdict="claim"), at_ms=asked.opened_ms)
    votes = [vote("e1", "ann"), vote("e2", "bob"), claim]
    now = standing(asked, votes, asked.opened_ms)

    item = Item(run_row(), asked, now, frozenset({"ann"}))

    assert "ann, bob (unverified) agreed; in the hands of bob (unverified)" in item.lines()[2]
    document = item.document()
    assert (document["agreed"], document["verified"]) == (["ann", "bob"], ["ann"])
