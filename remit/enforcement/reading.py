"""Probes and read-backs: reads that Remit itself makes to learn what happened.

They are actions like any other: decided with their purpose, recorded, never gated. What a read-back
finds is compared with what its contract expects; values of sensitive classes never reach a message.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from remit.canonical import JSON, JSONObject, canonical
from remit.enforcement import judging
from remit.enforcement.deciding import Deciding, decision_record, facts_of, recorded
from remit.enforcement.opa import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.pinned import Pinned
from remit.enforcement.sending import Send
from remit.enforcement.shown import shown
from remit.enforcement.subject import Subject
from remit.enforcement.telemetry import READ_BACKS
from remit.ledger.protocol import Ledger
from remit.tool.call import Absent, Happened, Purpose, Refused, ToolAnswer, ToolCall, Unknown
from remit.tool.contract import Probe, ReadBack, ToolContract
from remit.tool.expected import Difference, differences
from remit.tool.template import TemplateError, fill
from remit.tool.validation import check_output

_DIFFERS = "READ-BACK-DIFFERS"
_FAILED = "READ-BACK-FAILED"
_NEVER = frozenset({"PROBE-ABSENT", "PROBE-ARGUMENTS"})
"""Why a read was not made, where it would not be made later either."""
_FIRST_PAUSE_S = 0.1
_MOST_SHOWN = 3
_MOST_TOLD = 1000


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one read-back showed."""

    code: str = ""
    """Empty when nothing speaks against the answer."""
    message: str = ""
    is_final: bool = True
    """Whether reading again could show nothing else."""
    is_passing: bool = False
    """Whether the read itself says that another one may be answered."""


class Reading:
    """Asks tools what happened."""

    def __init__(self, ledger: Ledger, pinned: Pinned, deciding: Deciding) -> None:
        """Record in `ledger`, ask policy through `deciding`."""
        self._ledger = ledger
        self._pinned = pinned
        self._deciding = deciding

    def probe(self, subject: Subject, send: Send) -> Send:
        """Return a sender that asks whether the subject's call happened."""

        async def ask(call: ToolCall) -> ToolAnswer:
            probe = subject.contract.probe
            if probe is None:
                return Unknown("PROBE-ABSENT", "the contract names no probe")
            return await self._read(subject, probe, {}, "probe", call, send)

        return ask

    def back(self, send: Send) -> judging.ReadBack:
        """Return a reader that tells how the world disagrees with an answer."""

        async def read(subject: Subject, output: JSON) -> tuple[str, str]:
            wanted = subject.contract.read_back
            if wanted is None:
                return "", ""
            seen, is_first = await self._within(subject, wanted, output, send)
            outcome = {"": "agrees", _DIFFERS: "differs", _FAILED: "failed"}[seen.code]
            if not seen.code and not is_first:
                outcome = "late"
            elif not seen.code and wanted.expect is None:
                outcome = "found"
            READ_BACKS.labels(subject.contract.ref, outcome).inc()
            return seen.code, seen.message[:_MOST_TOLD]

        return read

    async def _within(
        self, subject: Subject, wanted: ReadBack, output: JSON, send: Send
    ) -> tuple[_Seen, bool]:
        """Read until nothing speaks against the answer, or the window is over.

        Each pause is twice the one before, so that a long window costs few decisions; the last read
        is made at its end. A first read that was put off (its token had just been taken back) is
        made once more in any case. The second part says whether one read was enough.
        """
        until, pause_s, is_first = time.monotonic() + wanted.within_s, _FIRST_PAUSE_S, True
        while True:
            left_s = until - time.monotonic()
            seen = await self._look(subject, wanted, output, send)
            is_put_off = is_first and seen.is_passing
            if not seen.code or seen.is_final or (left_s <= 0 and not is_put_off):
                return seen, is_first
            await asyncio.sleep(max(min(pause_s, until - time.monotonic()), 0))
            pause_s, is_first = pause_s * 2, False

    async def _look(self, subject: Subject, wanted: ReadBack, output: JSON, send: Send) -> _Seen:
        """Read once and compare."""
        values: JSONObject = {"output": output}
        call = ToolCall(subject.contract, subject.arguments, str(subject.key), 0)
        call = replace(call, deadline=_deadline(subject), principal=subject.principal)
        answer = await self._read(subject, wanted, values, "read_back", call, send)
        if not isinstance(answer, Happened):
            return _unread(wanted.tool, answer)
        contract = await self._pinned.contract(subject.plan.contracts[wanted.tool])
        findings = check_output(contract, answer.output)
        if findings:
            where = findings[0].path or "/"
            message = f"{wanted.tool} answered outside its contract at {where}"
            return _Seen(_FAILED, f"{message}: {findings[0].message}", is_final=False)
        scope: JSONObject = {"args": subject.arguments, "step_key": str(subject.key), **values}
        try:
            # As a member, so that a reference to an argument that was not given expects nothing.
            filled = fill({"expect": wanted.expect}, scope)
        except TemplateError as error:
            return _Seen(_FAILED, f"what is expected cannot be told: {error}")
        if wanted.expect is None or not isinstance(filled, dict) or "expect" not in filled:
            return _Seen()
        found = list(differences(filled["expect"], answer.output))
        if not found:
            return _Seen()
        return _Seen(_DIFFERS, _told(subject, contract, found), is_final=False)

    async def _read(
        self,
        subject: Subject,
        probe: Probe,
        more: JSONObject,
        purpose: Purpose,
        call: ToolCall,
        send: Send,
    ) -> ToolAnswer:
        digest = subject.plan.contracts.get(probe.tool)
        if digest is None:
            return Unknown("PROBE-ABSENT", f"{probe.tool} is not pinned in the plan")
        contract = await self._pinned.contract(digest)
        values: JSONObject = {"args": subject.arguments, "step_key": str(subject.key), **more}
        try:
            arguments = fill(probe.args, values)
        except TemplateError as error:
            return Unknown("PROBE-ARGUMENTS", str(error))
        asked = replace(
            subject,
            contract=contract,
            contract_digest=digest,
            arguments=arguments if isinstance(arguments, dict) else {},
            purpose=purpose,
            inflow=sorted({*subject.inflow, *subject.contract.data_classes}),
        )
        refusal = await self._decide(asked)
        if refusal:
            return Unknown("PROBE-DENIED", refusal)
        return await send(
            replace(
                call,
                contract=contract,
                arguments=asked.arguments,
                purpose=purpose,
                data_classes=asked.data_classes,
                risk=None,
            )
        )

    async def _decide(self, asked: Subject) -> str:
        situation = await self._ledger.look(asked.key)
        try:
            decided = await self._deciding.call(asked, situation)
        except (PolicyUnavailableError, PolicyInvalidError) as error:
            return str(error)
        record = decision_record(asked, recorded(decided), [facts_of(decided)], asked.purpose)
        await self._ledger.append(asked.run.root, [record])
        return "" if decided.decision.effect == "allow" else "policy denies the read"


def _deadline(subject: Subject) -> float:
    return time.monotonic() + subject.timeout_s


def _unread(tool: str, answer: ToolAnswer) -> _Seen:
    """Return what it means that a read gave nothing: it is not there, or nobody can tell."""
    match answer:
        case Refused(code, message, is_of_this_attempt=True):
            said = f"{tool} could not be read: {code}: {message}"
            return _Seen(_FAILED, said, is_final=False, is_passing=answer.again)
        case Refused(code, message):
            return _Seen(_DIFFERS, f"{tool} finds nothing: {code}: {message}", is_final=False)
        case Absent():
            return _Seen(_DIFFERS, f"{tool} finds nothing", is_final=False)
        case Happened():
            return _Seen()
    is_final = answer.code in _NEVER
    return _Seen(_FAILED, f"{tool} could not be read: {answer.code}: {answer.message}", is_final)


def _told(subject: Subject, read: ToolContract, found: Sequence[Difference]) -> str:
    """Return where something else was found, and what, as far as its classes let people see it."""
    classes = sorted({*subject.contract.data_classes, *read.data_classes, *subject.inflow})
    parts = [_one(difference, classes) for difference in found[:_MOST_SHOWN]]
    more = [f"{len(found) - _MOST_SHOWN} more"] if len(found) > _MOST_SHOWN else []
    return f"{read.ref} reads otherwise: {'; '.join([*parts, *more])}"


def _one(difference: Difference, classes: Sequence[str]) -> str:
    path = difference.path
    expected = _shown(path, difference.expected, classes)
    found = "nothing" if difference.is_absent else _shown(path, difference.found, classes)
    return f"at {path or '/'} {expected} was expected, and {found} is there"


def _shown(path: str, value: JSON, classes: Sequence[str]) -> str:
    """Return a value for the eye; under its whole path, since any name in it may be a secret's."""
    view = shown({path: value}, classes)
    # What is hidden is named by its classes alone: a digest of a short value can be guessed.
    return canonical(view[path]).decode() if isinstance(view, dict) else str(view)
