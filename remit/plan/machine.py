"""The door to the scheduling machine: which engine's rules a compiled plan follows.

A recorded history must replay for ever, so a change of rules is a new engine under a new number,
and plans that were compiled for an old one keep it. Engine 1 is `remit.plan.engine`.
"""

from remit.canonical import JSONObject
from remit.plan.compiled import Schedule
from remit.plan.engine.core import Machine
from remit.plan.engine.status import MachineError

__all__ = ["Machine", "MachineError", "machine_for"]

_ENGINES = {1: Machine}


def machine_for(schedule: Schedule, snapshot: JSONObject | None = None) -> Machine:
    """Return the machine that follows the rules for which `schedule` was compiled.

    Raises:
        MachineError: `MACHINE-UNKNOWN-ENGINE` when this version of Remit does not know them,
            `MACHINE-SNAPSHOT` when the snapshot is not one of this schedule.
    """
    engine = _ENGINES.get(schedule.engine)
    if engine is None:
        known = ", ".join(str(number) for number in _ENGINES)
        raise MachineError(
            "MACHINE-UNKNOWN-ENGINE",
            f"the plan was compiled for engine {schedule.engine}; this Remit knows {known}: "
            "run it on a worker that knows it, or compile the plan again",
        )
    return engine(schedule, snapshot)
