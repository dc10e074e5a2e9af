"""Where a run waits for people: its gates and questions, and the messages that answer them.

Votes are written to the ledger before they count, in order of arrival and in batches; whether a
vote counts is decided there, under policy, never here. The desk only carries letters and starts
timers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSON
    from remit.plan import deskwire, wire
    from remit.plan.event import Cause, DoubtResolved, Event, GateClosed, Ref
    from workflows.answers import answer_of
    from workflows.messages import (
        GATE_MESSAGES,
        MESSAGES,
        RUN_ORDERS,
        WAIT_ANSWERED,
        WAIT_CHANGED,
    )
    from workflows.options import now_ms, system_options
    from workflows.scope import Scope, Wait, WaitChanged
    from workflows.waits import changes_wait, command_of, doubt_wait, gate_wait

_BATCH = 50
_CALLED_AGAIN = ("granted", "edited", "taken_over")
"""Ends of a gate after which the call is decided again: the ledger says with what."""
_KEPT_REFUSALS = 20

Answer = deskwire.Answered


@dataclass(slots=True)
class Letter:
    """A message on its way, and the answer for whoever waits for one."""

    message: deskwire.Message
    answer: Answer | None = None


class Desk:
    """Gates, doubts and residue that wait for a person, here and in child workflows."""

    def __init__(
        self,
        scope: Scope,
        happened: Callable[[Event], None],
        control: Callable[[str, JSON], Answer],
        amend: Callable[[deskwire.Message], Awaitable[Answer]],
        changed: Callable[[], None],
    ) -> None:
        """Carry what happens to `happened`, orders to `control` and `amend`; call `changed`."""
        self.waits: dict[str, Wait] = {}
        self.refused: list[str] = []
        self.refused_count = 0
        self._scope = scope
        self._happened = happened
        self._control = control
        self._amend = amend
        self._changed = changed
        self._gates: dict[str, tuple[wire.Gate, Ref | None]] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._doubts: dict[str, Ref] = {}
        self._early: dict[str, None] = {}
        self._letters: list[Letter] = []
        self._working = 0
        self._tasks: dict[int, asyncio.Task[None]] = {}

    @property
    def busy(self) -> bool:
        """Whether a letter is still on its way, so that the run must not continue as new."""
        return bool(self._letters) or self._working > 0

    @property
    def gates(self) -> list[wire.Gate]:
        """The open gates of this workflow's own calls, oldest first."""
        return [gate for gate, _ in self._gates.values()]

    # what waits

    def open_gate(self, gate: wire.Gate, ref: Ref | None) -> None:
        """Let a gate stand open until a vote or its expiry; an undo's gate has no `ref`."""
        sent_back = gate.state == "changes_requested"
        wait = (changes_wait if sent_back else gate_wait)(self._scope, gate)
        self._gates[gate.id] = (gate, ref)
        self._timers[gate.id] = asyncio.create_task(self._expire(gate))
        if gate.state not in ("open", "changes_requested") or gate.id in self._early:
            self._spawn(self._close(gate.id, "look"))
        self.begin_wait(wait)

    def open_doubt(self, path: str, ref: Ref, reason: str) -> None:
        """Ask a person whether a call happened."""
        self._doubts[path] = ref
        if path in self._early:
            self._spawn(self._resolve(path))
        self.begin_wait(doubt_wait(self._scope, path, reason))

    def begin_wait(self, wait: Wait) -> None:
        """List a wait here, and at the run's top-level workflow, unless it was answered already.

        An answer may overtake the question: the ledger holds a gate before the activity that
        opened it has told, and a worker may die in between. Whoever waits then looks again.
        """
        if wait.id in self._early:
            del self._early[wait.id]
        elif wait.id not in self.waits:
            self.waits[wait.id] = wait
            self._tell_root(wait, is_open=True)

    def end_wait(self, wait_id: str) -> None:
        """Take a wait off the lists."""
        wait = self.waits.pop(wait_id, None)
        if wait is not None:
            self._tell_root(wait, is_open=False)

    def release(self) -> None:
        """Take the waits of held calls off the lists: somebody said what to do with them."""
        for wait in list(self.waits.values()):
            if wait.kind == "held" and not wait.workflow_id:
                self.end_wait(wait.id)

    def abandon_all(self) -> None:
        """Close every gate of this workflow's own calls: nothing goes on here."""
        for _, ref in list(self._gates.values()):
            if ref is not None:
                self.abandon(ref)

    def abandon(self, ref: Ref) -> None:
        """Close the gate of a call that nobody needs any more."""
        for gate, gated in list(self._gates.values()):
            if gated == ref:
                self._forget_gate(gate.id)
                self._spawn(self._close(gate.id, "abandoned"))

    # what arrives

    def post(self, message: deskwire.Message) -> Letter:
        """Take a message in; whoever sent an update waits for `Letter.answer`."""
        letter = Letter(message)
        self._letters.append(letter)
        return letter

    def wait_changed(self, change: WaitChanged) -> None:
        """A child workflow waits for a person, or does not any more.

        Whoever may signal may say so: it changes no other workflow's wait, and the command that
        people are shown to type is never the sender's.
        """
        wait = change.wait
        known = self.waits.get(wait.id)
        if not wait.workflow_id or (known is not None and known.workflow_id != wait.workflow_id):
            return
        if change.open and wait.id in self._early:
            del self._early[wait.id]
            self._spawn(self._poke(wait))
        elif change.open:
            command = wait.command and command_of(self._scope, wait)
            self.waits[wait.id] = wait.model_copy(update={"command": command})
        else:
            self.waits.pop(wait.id, None)

    def answered(self, wait_id: str) -> None:
        """The top-level workflow says that the ledger holds an answer: look."""
        if wait_id in self._gates:
            self._spawn(self._close(wait_id, "look"))
        elif wait_id in self._doubts:
            self._doubt_resolved(wait_id)
        elif wait_id in self.waits:
            self.end_wait(wait_id)
        else:
            self._early[wait_id] = None

    async def serve(self) -> None:
        """Carry letters for as long as the workflow lives."""
        while True:
            await workflow.wait_condition(lambda: bool(self._letters))
            self._working += 1
            try:
                await self._carry_next()
            finally:
                self._working -= 1

    # carrying

    async def _carry_next(self) -> None:
        name = self._letters[0].message.name
        if name in GATE_MESSAGES:
            count = 0
            while count < min(len(self._letters), _BATCH):
                if self._letters[count].message.name not in GATE_MESSAGES:
                    break
                count += 1
            batch, self._letters = self._letters[:count], self._letters[count:]
            await self._vote(batch)
            return
        letter = self._letters.pop(0)
        if name == "resolve_doubt":
            order = deskwire.DoubtAnswer(root=self._scope.root, message=letter.message)
            self._settle(letter, await self._ask(wire.RESOLVE_DOUBT, order))
        elif name == "repair":
            repair = deskwire.RepairOrder(root=self._scope.root, message=letter.message)
            self._settle(letter, await self._ask(wire.REPAIR, repair))
        elif name in RUN_ORDERS:
            self._reply(letter, await self._obey(letter.message))
        elif name == "amend" and workflow.patched("amendments"):
            self._reply(letter, await self._amend(letter.message))
        else:
            known = ", ".join(sorted(MESSAGES))
            reason = f"no message is called {name!r}; there are {known}"
            self._reply(letter, Answer(taken=False, code="MESSAGE-UNKNOWN", reason=reason))

    async def _obey(self, message: deskwire.Message) -> Answer:
        if workflow.patched("orders-are-judged"):
            order = deskwire.RunOrder(root=self._scope.root, message=message)
            answer = await self._ask(wire.ORDER, order)
            if not answer.taken:
                return answer
        return self._control(message.name, message.payload)

    async def _ask(
        self, activity: str, order: deskwire.DoubtAnswer | deskwire.RepairOrder | deskwire.RunOrder
    ) -> Answer:
        answer: Answer = await workflow.execute_activity(
            activity, order, result_type=Answer, summary=activity, **system_options()
        )
        return answer

    def _settle(self, letter: Letter, answer: Answer) -> None:
        self._reply(letter, answer)
        if not answer.taken:
            return
        wait = self.waits.get(answer.path)
        if answer.path in self._doubts:
            self._doubt_resolved(answer.path)
        elif wait is None:
            self._early[answer.path] = None
        elif wait.workflow_id:
            self._spawn(self._poke(wait))
        else:
            self.end_wait(answer.path)

    async def _vote(self, letters: list[Letter]) -> None:
        votes = deskwire.Votes(
            root=self._scope.root,
            workflow_id=self._scope.workflow_id,
            messages=[letter.message for letter in letters],
        )
        counted: deskwire.VotesCounted = await workflow.execute_activity(
            wire.VOTE,
            votes,
            result_type=deskwire.VotesCounted,
            summary=f"{len(letters)} vote(s)",
            **system_options(),
        )
        for letter, verdict in zip(letters, counted.verdicts, strict=True):
            self._reply(letter, answer_of(verdict))
            for one in (verdict, *(verdict.further or ())):
                if one.closed:
                    self._gate_closed(one.gate, one.closed, one.by, one.reason)

    def _reply(self, letter: Letter, answer: Answer) -> None:
        letter.answer = answer
        if not answer.taken:
            self.refused_count += 1
            line = f"{letter.message.name} refused: {answer.code}: {answer.reason}"
            self.refused = [*self.refused[1 - _KEPT_REFUSALS :], line]
        self._changed()

    def _gate_closed(self, gate_id: str, state: str, by: str, reason: str) -> None:
        if gate_id not in self._gates:
            wait = self.waits.pop(gate_id, None)
            if wait is None:
                self._early[gate_id] = None
            elif wait.workflow_id:
                self._spawn(self._poke(wait))
            return
        gate, ref = self._gates[gate_id]
        if state == "changes_requested" and ref is not None:
            self._await_changes(gate, ref, by, reason)
            return
        self._forget_gate(gate_id)
        if ref is None:
            return
        if state in _CALLED_AGAIN:
            self._happened(GateClosed(ref, granted=True))
            return
        texts = {
            "rejected": f"{by or 'somebody'} said no: {reason or 'no reason given'}",
            "expired": f"nobody of {gate.role} answered in time",
        }
        text = texts.get(state, f"the gate is {state}")
        cause = Cause(f"GATE-{state.upper()}", text, gate.path, state)
        self._happened(GateClosed(ref, granted=False, cause=cause))

    def _await_changes(self, gate: wire.Gate, ref: Ref, by: str, reason: str) -> None:
        """Wait for an amendment of the step until the gate would have expired."""
        if gate.state == "changes_requested":
            return
        asked = gate.model_copy(update={"state": "changes_requested"})
        self._gates[gate.id] = (asked, ref)
        self.end_wait(gate.id)
        said = f"{by or 'somebody'} asks for changes: {reason or 'no reason given'}"
        wait = changes_wait(self._scope, asked)
        self.begin_wait(wait.model_copy(update={"reason": said}))

    def _forget_gate(self, gate_id: str) -> None:
        self._gates.pop(gate_id, None)
        timer = self._timers.pop(gate_id, None)
        if timer is not None and timer is not asyncio.current_task():
            timer.cancel()
        self.end_wait(gate_id)

    async def _resolve(self, path: str) -> None:
        if path in self._doubts:
            self._doubt_resolved(path)

    def _doubt_resolved(self, path: str) -> None:
        ref = self._doubts.pop(path)
        self.end_wait(path)
        self._happened(DoubtResolved(ref))

    async def _expire(self, gate: wire.Gate) -> None:
        role = gate.role
        for turn in gate.then or ():
            if turn.at_ms > now_ms():
                seconds = (turn.at_ms - now_ms()) / 1000
                await workflow.sleep(seconds, summary=f"gate {gate.path}: then {turn.role} too")
            role = turn.role
            self._ask_too(gate.id, role)
        seconds = max(gate.expires_ms - now_ms(), 0) / 1000
        await workflow.sleep(seconds, summary=f"gate {gate.path}: refused without {role}")
        await asyncio.shield(asyncio.create_task(self._close(gate.id, "expired")))

    def _ask_too(self, gate_id: str, role: str) -> None:
        """Show the role that a gate asks from now on."""
        wait = self.waits.get(gate_id)
        if wait is not None and wait.kind == "gate" and wait.role != role:
            asked = wait.model_copy(update={"role": role})
            self.waits[gate_id] = asked
            self._tell_root(asked, is_open=True)
            self._changed()

    async def _close(self, gate_id: str, how: deskwire.Closing) -> None:
        self._working += 1
        try:
            end: deskwire.GateEnd = await workflow.execute_activity(
                wire.CLOSE_GATE,
                deskwire.CloseGate(root=self._scope.root, gate=gate_id, how=how),
                result_type=deskwire.GateEnd,
                summary=f"gate {gate_id}: {how}",
                **system_options(),
            )
        finally:
            self._working -= 1
        if how == "expired" and end.state == "changes_requested":
            self._changes_missed(gate_id, f" ({end.by}: {end.reason})" if end.reason else "")
        elif end.state not in ("open", "abandoned"):
            self._gate_closed(gate_id, end.state, end.by, end.reason)

    def _changes_missed(self, gate_id: str, wanted: str) -> None:
        """Nobody amended the step in time."""
        gate, ref = self._gates.get(gate_id, (None, None))
        self._forget_gate(gate_id)
        if gate is not None and ref is not None:
            text = f"changes were asked for{wanted}, and nobody amended the step in time"
            cause = Cause("GATE-CHANGES-REQUESTED", text, gate.path, "rejected")
            self._happened(GateClosed(ref, granted=False, cause=cause))

    # to and from the run's other workflows

    def _tell_root(self, wait: Wait, is_open: bool) -> None:
        me = workflow.info().workflow_id
        if me == self._scope.workflow_id or wait.workflow_id:
            return
        change = WaitChanged(wait=wait.model_copy(update={"workflow_id": me}), open=is_open)
        self._spawn(self._send(self._scope.workflow_id, WAIT_CHANGED, change))

    async def _poke(self, wait: Wait) -> None:
        await self._send(wait.workflow_id, WAIT_ANSWERED, wait.id)

    async def _send(self, workflow_id: str, name: str, value: WaitChanged | str) -> None:
        self._working += 1
        try:
            await workflow.get_external_workflow_handle(workflow_id).signal(name, value)
        except FailureError:
            workflow.logger.warning("workflow is gone", extra={"to": workflow_id, "name": name})
        finally:
            self._working -= 1

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks[id(task)] = task
        task.add_done_callback(lambda done: self._tasks.pop(id(done), None))
