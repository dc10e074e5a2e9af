"""The ballot against an independent model: nothing counts that must not (invariant I5)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.approval.ballot import Cast, Spoilt, read_vote, repeats, state_after
from remit.canonical import JSON
from remit.ledger.entries import GateRow, VoteRow
from remit.plan.path import Segment, StepKey

DIGEST = "sha256:" + "1" * 64
NOW = 1_000
GATE = GateRow(
    id="order#1",
    root="r",
    key=StepKey("r", "", Segment("order")),
    number=1,
    code="spend.gate",
    role="budget_holder",
    quorum=2,
    request_digest=DIGEST,
    proposed_digest=DIGEST,
    enforced_digest=DIGEST,
    tool="erp.place_order@1",
    domain="erp",
    card={},
    opened_ms=0,
    expires_ms=NOW + 1,
)
VOTE: dict[str, JSON] = {"step": "order", "digest": DIGEST, "by": "ann"}


@pytest.mark.parametrize(
    ("payload", "gate", "now", "code"),
    [
        ("yes", GATE, NOW, "VOTE-MALFORMED"),
        (None, GATE, NOW, "VOTE-MALFORMED"),
        ({**VOTE, "by": 3}, GATE, NOW, "VOTE-MALFORMED"),
        ({**VOTE, "step": "other"}, GATE, NOW, "VOTE-NO-GATE"),
        ({**VOTE, "digest": "sha256:2"}, GATE, NOW, "VOTE-DIGEST"),
        ({"step": "order", "by": "ann"}, GATE, NOW, "VOTE-NO-DIGEST"),
        (VOTE, GATE, NOW + 1, "VOTE-LATE"),
        (VOTE, replace(GATE, state="granted"), NOW, "VOTE-LATE"),
        (VOTE, replace(GATE, state="rejected"), NOW, "VOTE-LATE"),
    ],
)
def test_what_is_no_vote_says_why(payload: JSON, gate: GateRow, now: int, code: str) -> None:
    """Each way to spoil a vote has its own code."""
    read = read_vote("approve", payload, [gate], now)

    assert isinstance(read, Spoilt)
    assert read.code == code


def test_vote_goes_to_the_newest_gate_of_its_step() -> None:
    """When a step was decided again, an old digest does not open the new gate."""
    newer = replace(GATE, id="order#2", number=2, proposed_digest="sha256:new")

    read = read_vote("approve", VOTE, [replace(GATE, state="void"), newer], NOW)

    assert isinstance(read, Spoilt)
    assert read.code == "VOTE-DIGEST"


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ann", "bob", "cid"]),
            st.sampled_from(["approve", "reject"]),
            st.sampled_from([DIGEST, "sha256:other", ""]),
            st.integers(NOW - 2, NOW + 2),
        ),
        max_size=12,
    ),
    st.integers(1, 3),
)
def test_grant_needs_a_quorum_of_distinct_people(
    votes: list[tuple[str, str, str, int]], quorum: int
) -> None:
    """Whatever is sent in whatever order, the gate stands as a naive count says."""
    gate = replace(GATE, quorum=quorum)
    counted: list[VoteRow] = []
    ayes: set[str] = set()
    expected = "open"
    for number, (by, verdict, digest, now) in enumerate(votes):
        payload: JSON = {"step": "order", "by": by, "digest": digest}
        read = read_vote(verdict, payload, [gate], now)
        fits = digest == DIGEST or (digest == "" and verdict == "reject")
        valid = expected == "open" and now < gate.expires_ms and fits
        assert isinstance(read, Cast) == valid
        if not isinstance(read, Cast) or repeats(read, counted):
            continue
        counted.append(VoteRow(gate.id, str(number), by, verdict, True, "", "", {}))
        gate = replace(gate, state=state_after(gate, counted))
        if verdict == "reject":
            expected = "rejected"
        else:
            ayes.add(by)
            expected = "granted" if len(ayes) >= quorum else "open"
        assert gate.state == expected
