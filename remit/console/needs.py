"""What a run wants of an operator: questions that wait for one, and orders that it takes now.

Status and waits come from what the run left with Temporal, which tells them with no worker alive;
what a question is about comes from the ledger. Whether somebody may answer is policy's business.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from temporalio.client import Client

from remit.canonical import JSON, digest
from remit.client.commanding import OrderName
from remit.client.errors import ClientError
from remit.client.reaching import at_work
from remit.client.snapshot import Waiting, told_of
from remit.ledger.entries import Action, RunRow, State
from remit.plan.path import Direction
from remit.saga.standing import left_of

UNDO = "undo:"
"""What stands before the path of a call when its undo is meant."""
_TAKES: Mapping[str, Sequence[OrderName]] = {
    "running": ("hold", "rollback"),
    "awaiting_approval": ("hold", "rollback"),
    "in_doubt": ("hold", "rollback"),
    "held": ("resume", "rollback"),
}
"""By status, the orders that a run at work takes; one that is being undone takes none."""


@dataclass(frozen=True, slots=True)
class Need:
    """A question that waits for somebody."""

    order: OrderName
    """`resolve_doubt` or `repair`."""
    step: str
    """As the message names it: `undo:` before the path of an undo in doubt."""
    role: str
    reason: str
    call: Action | None
    """The call that it is about; of a repair, the call whose undo failed."""
    mark: str
    """Differs once the ledger knows more of the call."""

    @property
    def since_ms(self) -> int:
        """When the call began; 0 when nobody knows."""
        return self.call.begun_ms if self.call else 0


@dataclass(frozen=True, slots=True)
class Needs:
    """What stands open at one moment."""

    status: str = ""
    """The `RemitStatus`; empty: the run is over, or Temporal did not tell."""
    open: Sequence[Need] = ()
    more: int = 0
    """Waits that Temporal does not list."""
    orders: Sequence[OrderName] = ()
    mark: str = ""
    """Differs once another plan is in force."""
    would_undo: Sequence[Action] = ()
    trouble: str = ""
    """Why nobody knows."""

    def named(self, order: str, step: str) -> Need | None:
        """Return a question by what answers it."""
        return next((one for one in self.open if (one.order, one.step) == (order, step)), None)


async def needs_of(client: Client, run: RunRow, actions: Sequence[Action], compiled: str) -> Needs:
    """Return what a run wants of an operator.

    Args:
        client: of the server on which it is.
        run: as the ledger has it.
        actions: everything begun in it.
        compiled: digest of the plan in force.
    """
    left = left_of(actions)
    is_over = run.closed not in ("", "rolling_back")
    if run.closed == "completed" or (is_over and not left):
        return Needs()
    try:
        found = await at_work(client, run.workflow_id, run.root)
        if found is None:
            return Needs()
        told = await told_of(found.description)
    except ClientError as error:
        return Needs(trouble=str(error))
    calls = {(one.key.path, one.key.direction): one for one in actions}
    # What is in doubt stands in the ledger a moment before the run asks about it.
    named = {wait.step for wait in told.waits}
    asked = (*told.waits, *_doubts(actions, named))
    needs = [need for wait in asked if (need := _need(wait, calls)) is not None]
    takes = _TAKES.get(told.status, ()) if found.workflow_id == run.workflow_id else ()
    return Needs(
        status=told.status,
        open=needs,
        more=told.more_waits,
        orders=takes,
        mark=digest({"compiled": compiled}),
        would_undo=[one.do for one in left if one.verdict == "undo"],
    )


def _doubts(actions: Iterable[Action], known: Collection[str]) -> Iterator[Waiting]:
    """Yield the questions about calls in doubt, but for those that are asked already."""
    for action in actions:
        is_undo = action.key.direction is Direction.UNDO
        step = f"{UNDO}{action.key.path}" if is_undo else action.key.path
        if action.state is State.IN_DOUBT and step not in known:
            yield Waiting(step, "operator", "doubt", action.code, "", "")


def _need(wait: Waiting, calls: Mapping[tuple[str, Direction], Action]) -> Need | None:
    path = wait.step.removeprefix(UNDO)
    do, undo = calls.get((path, Direction.DO)), calls.get((path, Direction.UNDO))
    order: OrderName
    if wait.kind == "doubt":
        order = "resolve_doubt"
        call = undo if wait.step.startswith(UNDO) else do
    elif wait.kind == "repair" and do is not None:
        order, call = "repair", do
    else:
        return None
    known: list[JSON] = [_state(one) for one in (do, undo) if one is not None]
    return Need(order, wait.step, wait.role, wait.reason, call, digest(known))


def _state(action: Action) -> JSON:
    return [
        str(action.key),
        action.state.value,
        action.attempts,
        action.code,
        action.enforced_digest,
        action.effect_order,
    ]
