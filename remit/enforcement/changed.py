"""What people changed of a call before it is made: its arguments, or who makes it.

An edit and a take-over are votes, so the ledger holds them; here they become part of the call. Each
applies to exactly the action that it was cast about, and to nothing else.
"""

from collections.abc import Sequence
from dataclasses import replace

from remit.enforcement import failure
from remit.enforcement.sending import Send
from remit.enforcement.subject import Subject
from remit.ledger.entries import GateRow, VoteRow
from remit.ledger.protocol import Ledger
from remit.tool.call import Happened, ToolAnswer, ToolCall


async def edited(ledger: Ledger, subject: Subject, gates: Sequence[GateRow]) -> Subject:
    """Return `subject` with the arguments that people gave it at `gates`, oldest first.

    Raises:
        ApplicationError: an edit that stands is not known any more; nothing was called.
    """
    for gate in gates:
        if gate.state != "edited" or gate.proposed_digest != subject.proposed_digest:
            continue
        vote = await _vote(ledger, gate, "edit")
        arguments = vote.body.get("args") if vote else None
        if vote is None or not isinstance(arguments, dict):
            raise failure.refused(
                "EDIT-FORGOTTEN",
                f"the arguments that were edited at gate {gate.id} are kept no more; start again",
                subject.key.path,
            )
        proposal = subject.arguments if subject.proposal is None else subject.proposal
        subject = replace(
            subject,
            arguments=arguments,
            edited_by=vote.by,
            edited_verified=vote.is_verified,
            proposal=proposal,
        )
    return subject


async def by_hand(ledger: Ledger, subject: Subject, gates: Sequence[GateRow]) -> Send | None:
    """Return what tells how a person made the call, so that no tool is asked to; else nothing."""
    taken = [gate for gate in gates if gate.state == "taken_over" and _is_of(gate, subject)]
    if not taken:
        return None
    vote = await _vote(ledger, taken[-1], "take_over")
    output = vote.body.get("output") if vote else None

    async def tell(_: ToolCall) -> ToolAnswer:
        return Happened(output)

    return tell


def _is_of(gate: GateRow, subject: Subject) -> bool:
    """Whether a grant is this call's: used by it, or unused and for exactly this action."""
    if gate.consumed_by:
        return gate.consumed_by == str(subject.key)
    return gate.proposed_digest == subject.proposed_digest


async def _vote(ledger: Ledger, gate: GateRow, verdict: str) -> VoteRow | None:
    votes = await ledger.votes(gate.id, gate.root)
    return next((vote for vote in votes if vote.counted and vote.verdict == verdict), None)
