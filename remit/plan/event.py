"""The words between the scheduling machine and whatever drives it: events in, commands out.

The machine (`remit.plan.machine`) is pure: state + event → state + commands. A workflow, a dry run
and a property test drive it alike. A `Ref` names one call: position of the step in the schedule,
item, iteration, generation.
"""

from dataclasses import dataclass
from typing import Literal

from remit.plan.compiled import Schedule

Effect = Literal["none", "happened", "unknown"]
"""What a failed call left behind: certainly nothing, certainly something, or nobody knows."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """One call of a step."""

    step: int
    item: int | None = None
    iteration: int = 0
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something ended: a stable code and a sentence for people."""

    code: str
    reason: str
    step: str = ""
    status: str = "failed"
    """The `RemitStatus` that the run ends with because of it."""


# Events


@dataclass(frozen=True, slots=True)
class Done:
    """The call happened (or its child workflow completed)."""

    ref: Ref
    until: bool | None = None
    """For a repeating step: whether its condition holds now."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """`when` was false; nothing was called."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Failed:
    """The call did not succeed. `denied` leads to `on_denied`, everything else to `on_failed`."""

    ref: Ref
    cause: Cause
    effect: Effect
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Gated:
    """Policy or plan wants a person; the gate stands open in the ledger."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class GateClosed:
    """Somebody answered, or nobody did in time (then `cause` says which)."""

    ref: Ref
    granted: bool
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Nobody can tell whether the call happened; a person must say."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class DoubtResolved:
    """A person said; the call is made again and finds the answer in the ledger."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Stalled:
    """The run's deadline passed while the call waited for OPA or the ledger: held."""

    ref: Ref
    cause: Cause


@dataclass(frozen=True, slots=True)
class Expanded:
    """The number of items of a `for_each` is known."""

    step: int
    count: int


@dataclass(frozen=True, slots=True)
class Delayed:
    """The pause before the next iteration is over."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class StepUndone:
    """A failed step was settled and undone, so that its fallback may start."""

    step: int
    residue: Cause | None = None
    """Set when something could not be undone; then the run fails."""


@dataclass(frozen=True, slots=True)
class Hold:
    """An operator stops new calls."""


@dataclass(frozen=True, slots=True)
class Resume:
    """An operator lets calls go on; stalled ones are made again."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Cancelled or ordered back: begin nothing more, drain, unwind."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Amended:
    """The ledger holds an amendment: steps not begun are as `schedule` has them from now on.

    Positions keep their meaning; what has begun stays as it is.
    """

    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Thaw:
    """An amendment came to nothing: what was frozen for it may begin again."""


Event = (
    Done
    | Skipped
    | Failed
    | Gated
    | GateClosed
    | InDoubt
    | DoubtResolved
    | Stalled
    | Expanded
    | Delayed
    | StepUndone
    | Hold
    | Resume
    | Stop
    | Amended
    | Thaw
)

# Commands


@dataclass(frozen=True, slots=True)
class Call:
    """Run the tool activity; it answers Done, Skipped, Failed, Gated, InDoubt or Stalled."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class StartChild:
    """Run a child workflow; answer with Done, Skipped or Failed of the same ref.

    `kind` `plan`: the sub-plan of the step (`ref.item` for a `for_each` of sub-plans). `long`: one
    slow call. `items`: items `first` to `first + count` of the step; its `ref.item` is `first`.
    """

    ref: Ref
    kind: Literal["plan", "items", "long"]
    first: int = 0
    count: int = 0
    parallel: int = 1


@dataclass(frozen=True, slots=True)
class Expand:
    """Find out how many items a `for_each` has.

    Answer with Expanded, or with Failed or Stalled of `Ref(step)`.
    """

    step: int


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait, then answer with Delayed."""

    ref: Ref
    seconds: float


@dataclass(frozen=True, slots=True)
class DropDelay:
    """Nobody waits for this delay any more: cancel it, without an answer."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class UndoStep:
    """Settle and undo one failed step; answer with StepUndone."""

    step: int


@dataclass(frozen=True, slots=True)
class StopChild:
    """Ask a running child workflow to stop and unwind; it still answers."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class AbandonGate:
    """Close an open gate (or question) that nobody needs any more."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Unwind:
    """Everything begun has answered: settle and undo all from the ledger, then end by `cause`."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Complete:
    """Everything went through."""


Command = (
    Call
    | StartChild
    | Expand
    | Delay
    | DropDelay
    | UndoStep
    | StopChild
    | AbandonGate
    | Unwind
    | Complete
)
