"""Plays events against a machine in words, so that tests read as scripts.

An event is `done a`, `done b[3]~1 until`, `failed a`, `denied a none`, `gated a`, `grant a`, ...;
a command is written back as `call a`, `expand b`, `undo a`, `unwind A-FAILED failed`, ...
"""

from remit.plan.compiled import Limits, Schedule, ScheduledStep
from remit.plan.event import (
    AbandonGate,
    Call,
    Cause,
    Command,
    Complete,
    Delay,
    Delayed,
    Done,
    DoubtResolved,
    DropDelay,
    Effect,
    Event,
    Expand,
    Expanded,
    Failed,
    GateClosed,
    Gated,
    Hold,
    InDoubt,
    Ref,
    Resume,
    Skipped,
    Stalled,
    StartChild,
    StepUndone,
    Stop,
    StopChild,
    UndoStep,
    Unwind,
)
from remit.plan.machine import Machine, machine_for
from remit.plan.path import Segment

COMPILED = "sha256:" + "0" * 64


def schedule(
    limits: dict[str, int] | None = None, first_item: int = 0, **steps: dict[str, object]
) -> Schedule:
    """Return the schedule of `steps`; `needs`, `on_failed`, `on_denied` name steps."""
    places = {name: place for place, name in enumerate(steps)}
    stands_in = {step.get(way) for step in steps.values() for way in ("on_failed", "on_denied")}
    made = []
    for name, given in steps.items():
        step = dict(given)
        step["needs"] = [places[need] for need in str(step.get("needs", "")).split()]
        step |= {way: places[str(step[way])] for way in ("on_failed", "on_denied") if way in step}
        step.setdefault("for_each", "count" in step)
        step |= {"id": name, "tool": "t", "fallback": name in stands_in}
        made.append(ScheduledStep.model_validate(step))
    bounds = Limits.model_validate(limits or {})
    return Schedule(compiled=COMPILED, steps=made, limits=bounds, first_item=first_item)


class Play:
    """One machine, spoken to in words."""

    def __init__(self, of: Schedule, machine: Machine | None = None) -> None:
        self.schedule = of
        self.machine = machine or machine_for(of)
        self._places = {step.id: place for place, step in enumerate(of.steps)}

    def start(self) -> list[str]:
        """Start the machine."""
        return [self.words(command) for command in self.machine.start()]

    def send(self, text: str) -> list[str]:
        """Apply the event that `text` writes; `start`, `pause` and `restore` are none."""
        if text == "start":
            return self.start()
        if text == "pause":
            self.machine.pause()
            return []
        if text == "restore":
            self.machine = machine_for(self.schedule, self.machine.snapshot())
            return self.start()
        return [self.words(command) for command in self.machine.apply(self.event(text))]

    def ref(self, text: str) -> Ref:
        """Return the ref that a path segment names."""
        segment = Segment.parse(text)
        place = self._places[segment.step]
        return Ref(place, segment.item, segment.iteration, segment.generation)

    def name(self, ref: Ref) -> str:
        """Return the path segment of a ref."""
        step = self.schedule.steps[ref.step].id
        return str(Segment(step, ref.item, ref.iteration, ref.generation))

    def event(self, text: str) -> Event:
        """Return the event that `text` writes."""
        word, _, rest = text.partition(" ")
        if word in ("hold", "resume"):
            return Hold() if word == "hold" else Resume()
        if word == "stop":
            return Stop(Cause("STOPPED", "ordered", "", rest or "cancelled"))
        name, _, more = rest.partition(" ")
        return self._answer(word, self.ref(name), name, more)

    def _answer(self, word: str, ref: Ref, name: str, more: str) -> Event:
        effect: Effect = "none" if more == "none" else "happened"
        failed = Cause(f"{name}-FAILED".upper(), "broken", name)
        denied = Cause(f"{name}-DENIED".upper(), "no", name, "refused")
        rejected = Cause(f"{name}-REJECTED".upper(), "no", name, "rejected")
        events: dict[str, Event] = {
            "done": Done(ref, {"until": True, "again": False}.get(more)),
            "skipped": Skipped(ref),
            "failed": Failed(ref, failed, effect),
            "denied": Failed(ref, denied, "none", denied=True),
            "gated": Gated(ref),
            "grant": GateClosed(ref, granted=True),
            "reject": GateClosed(ref, granted=False, cause=rejected),
            "doubt": InDoubt(ref),
            "resolve": DoubtResolved(ref),
            "stall": Stalled(ref, Cause("DEADLINE", "late", name, "held")),
            "expanded": Expanded(ref.step, int(more) if more.isdigit() else 0),
            "delayed": Delayed(ref),
            "undone": StepUndone(ref.step),
            "residue": StepUndone(ref.step, Cause("RESIDUE", "stays", name)),
        }
        return events[word]

    def words(self, command: Command) -> str:
        """Return a command in words."""
        match command:
            case Call(ref):
                return f"call {self.name(ref)}"
            case StartChild(ref, "items", first, count, parallel):
                return f"items {self.name(ref)} {first}+{count} by {parallel}"
            case StartChild(ref, kind):
                return f"{kind} {self.name(ref)}"
            case Expand(step) | UndoStep(step):
                verb = "expand" if isinstance(command, Expand) else "undo"
                return f"{verb} {self.schedule.steps[step].id}"
            case Delay(ref, seconds):
                return f"delay {self.name(ref)} {seconds:g}"
            case DropDelay(ref) | StopChild(ref) | AbandonGate(ref):
                verbs = {DropDelay: "drop", StopChild: "stop", AbandonGate: "abandon"}
                return f"{verbs[type(command)]} {self.name(ref)}"
            case Unwind(cause):
                return f"unwind {cause.code} {cause.status}"
            case Complete():
                return "complete"


def play(of: Schedule, script: str) -> Play:
    """Play `event > command, command` lines; each line's commands must be exactly those."""
    player = Play(of)
    for line in script.strip().splitlines():
        event, _, expected = line.partition(">")
        wanted = [word.strip() for word in expected.split(",") if word.strip()]
        assert player.send(event.strip()) == wanted, line
    return player
