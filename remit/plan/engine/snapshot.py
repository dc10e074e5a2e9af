"""The state of an idle machine as JSON: one character per step, and what cannot be told from that.

Continue-as-new carries it, so it is small and its fields may be added to, never renamed. Counters
are not in it: they are counted anew.
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from remit.canonical import JSONObject
from remit.plan.compiled import Schedule
from remit.plan.engine.status import MachineError, Phase, Status
from remit.plan.engine.steprun import StepRun
from remit.plan.engine.traffic import Traffic
from remit.plan.event import Cause, Ref

CallState = tuple[Phase, int | None, int, int, int]
"""Phase, item, iteration, generation, gates met."""


class Model(BaseModel):
    """A closed, frozen carried type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CauseState(Model):
    """A `Cause`."""

    code: str
    reason: str
    step: str = ""
    status: str = "failed"


class RunState(Model):
    """A `StepRun` that is not fresh."""

    count: int | None = None
    begun: int = 0
    over: int = 0
    touched: bool = False
    calls: list[CallState] = []


class Snapshot(Model):
    """Everything that an idle machine knows."""

    version: Literal[1] = 1
    steps: str
    """One character per step."""
    queue: str = ""
    """Steps that can begin something, in turn, e.g. `3-17,2`."""
    runs: dict[int, RunState] = {}
    causes: dict[int, CauseState] = {}
    stands: dict[int, int] = {}
    cause: CauseState | None = None
    is_held: bool = False
    has_ended: bool = False
    is_amending: bool = False
    frozen: str = ""
    """Steps that an amendment not decided yet is about to change."""
    last: list[str] = []
    failed: list[str] = []

    def document(self) -> JSONObject:
        """Return the snapshot as JSON, defaults left out."""
        return self.model_dump(mode="json", exclude_defaults=True)


def read(document: JSONObject, schedule: Schedule) -> Snapshot:
    """Return the snapshot that `document` is.

    Raises:
        MachineError: `MACHINE-SNAPSHOT` when it is none, or not one of this schedule.
    """
    try:
        snapshot = Snapshot.model_validate(document)
        statuses = [Status(character) for character in snapshot.steps]
        named = [*snapshot.runs, *snapshot.causes, *snapshot.stands, *unpack(snapshot.queue)]
        named += unpack(snapshot.frozen)
    except (ValidationError, ValueError) as error:
        raise MachineError("MACHINE-SNAPSHOT", f"not a snapshot: {error}") from error
    steps = len(schedule.steps)
    places = [*named, *snapshot.stands.values()]
    waiting = [i for i, status in enumerate(statuses) if status is Status.WAITING]
    if len(statuses) != steps or not all(0 <= place < steps for place in places):
        raise MachineError("MACHINE-SNAPSHOT", f"not a snapshot of a plan with {steps} steps")
    if not all(step in snapshot.stands and step in snapshot.causes for step in waiting):
        raise MachineError("MACHINE-SNAPSHOT", "a failed step waits for no fallback")
    return snapshot


def cause_state(cause: Cause) -> CauseState:
    """Return a cause as it is carried."""
    return CauseState(code=cause.code, reason=cause.reason, step=cause.step, status=cause.status)


def cause_of(state: CauseState) -> Cause:
    """Return the cause that was carried."""
    return Cause(state.code, state.reason, state.step, state.status)


def run_state(run: StepRun) -> RunState:
    """Return a step's run as it is carried; queued calls come in their order."""
    waiting = [ref for ref, phase in run.phases.items() if phase is not Phase.QUEUED]
    calls: list[CallState] = [
        (run.phases[ref], ref.item, ref.iteration, ref.generation, run.gates.get(ref, 0))
        for ref in [*run.again, *waiting]
    ]
    return RunState(
        count=run.count, begun=run.begun, over=run.over, touched=run.touched, calls=calls
    )


def restore_run(
    schedule: Schedule, position: int, state: RunState | None, traffic: Traffic
) -> StepRun:
    """Return a step's run as it was, and put what it waits for back into `traffic`."""
    if state is None:
        return StepRun(schedule, position, traffic)
    run = StepRun(schedule, position, traffic, state.count)
    run.begun, run.over, run.touched = state.begun, state.over, state.touched
    for phase, item, iteration, generation, gates in state.calls:
        ref = Ref(position, item, iteration, generation)
        if gates:
            run.gates[ref] = gates
        _place(run, ref, phase, traffic, schedule.steps[position].every_s)
    return run


def _place(run: StepRun, ref: Ref, phase: Phase, traffic: Traffic, every_s: float) -> None:
    run.phases[ref] = phase
    match phase:
        case Phase.QUEUED:
            run.again.append(ref)
        case Phase.GATED:
            traffic.gates[ref] = None
        case Phase.IN_DOUBT:
            traffic.doubts[ref] = None
        case Phase.STALLED:
            traffic.stalled[ref] = None
        case Phase.DELAYED:
            run.active += 1
            traffic.late[ref] = every_s
        case Phase.FLYING:
            raise MachineError("MACHINE-SNAPSHOT", "a call in flight cannot be carried over")


def pack(places: Iterable[int]) -> str:
    """Return whole numbers in their order, ascending runs shortened: `3-17,2`."""
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][1] + 1 == place:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    return ",".join(f"{a}-{b}" if a != b else str(a) for a, b in runs)


def unpack(text: str) -> list[int]:
    """Return the numbers that `pack` wrote; `ValueError` otherwise."""
    places: list[int] = []
    for part in text.split(",") if text else []:
        first, _, last = part.partition("-")
        places += range(int(first), int(last or first) + 1)
    return places
