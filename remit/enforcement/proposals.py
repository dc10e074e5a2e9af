"""What a vote would change of its gate's call, looked at before anybody judges the vote."""

from dataclasses import dataclass, replace

from remit.approval.messages import Cast, Spoilt
from remit.canonical import JSONObject, NotCanonicalError, canonical
from remit.enforcement.doing import MAX_ARGUMENT_BYTES, Doing
from remit.enforcement.frame import Frame
from remit.enforcement.subject import Subject
from remit.ledger.protocol import Ledger
from remit.plan.wire import StepCall
from remit.tool.human import HumanKind
from remit.tool.validation import check_input, check_output


@dataclass(frozen=True, slots=True)
class Change:
    """How the call would differ from the one proposed."""

    costs_more: bool = False
    other_resource: bool = False


NO_CHANGE = Change()


class Proposals:
    """The calls that gates are about."""

    def __init__(self, ledger: Ledger, doing: Doing) -> None:
        """Know runs by `ledger`, and make calls' subjects as `doing` does."""
        self._ledger = ledger
        self._doing = doing

    async def change(self, cast: Cast, frame: Frame) -> Change | Spoilt:
        """Return what `cast` changes, or why it cannot."""
        if cast.verdict not in ("approve", "edit", "take_over"):
            return NO_CHANGE
        if cast.verdict == "approve":
            return await self._approved(cast)
        subject = await self._subject(cast, frame)
        if subject is None or subject.proposed_digest != cast.gate.proposed_digest:
            return _spoilt(cast, "VOTE-DIGEST", "the call is not any more what the gate is about")
        if cast.verdict == "take_over":
            return _taken_over(cast, subject)
        return _edited(cast, subject)

    async def _approved(self, cast: Cast) -> Change | Spoilt:
        """Let nobody approve a task that is theirs to do: nothing would be called."""
        contract = await self._doing.contract_of(cast.gate.key)
        task = contract.call if contract else None
        is_theirs = isinstance(task, HumanKind) and task.role == cast.gate.role
        if not is_theirs or cast.gate.quorum > 1:
            return NO_CHANGE
        reason = "this is yours to do: `take_over` it with what came of it, or `reject` it"
        return _spoilt(cast, "VOTE-BY-HAND", reason)

    async def _subject(self, cast: Cast, frame: Frame) -> Subject | None:
        key = cast.gate.key
        admission = await self._ledger.admission(key.root, key.parent)
        if admission is None:
            return None
        call = StepCall(
            root=key.root,
            compiled=admission.compiled,
            parent=key.parent,
            step=key.segment.step,
            item=key.segment.item,
            iteration=key.segment.iteration,
            generation=key.segment.generation,
        )
        return await self._doing.proposed(call, replace(frame, activity=cast.gate.tool))


def _edited(cast: Cast, subject: Subject) -> Change | Spoilt:
    arguments = cast.body.get("args")
    if not isinstance(arguments, dict):
        return _spoilt(cast, "VOTE-MALFORMED", "`args` are an object")
    fault = _unfit(subject, arguments)
    if fault:
        return _spoilt(cast, "VOTE-EDIT-INVALID", fault)
    edited = replace(subject, arguments=arguments)
    if edited.proposed_digest == subject.proposed_digest:
        return _spoilt(cast, "VOTE-EDIT-SAME", "nothing is different: approve it as it is")
    before, after = subject.cost, edited.cost
    dearer = after.micros > before.micros or after.currency != before.currency or after.micros < 0
    return Change(costs_more=dearer, other_resource=edited.resource != subject.resource)


def _unfit(subject: Subject, arguments: JSONObject) -> str:
    try:
        size = len(canonical(arguments))
    except NotCanonicalError as error:
        return str(error)
    if size > MAX_ARGUMENT_BYTES:
        return f"{size} bytes of arguments; at most {MAX_ARGUMENT_BYTES}"
    findings = check_input(subject.contract, arguments)
    return f"at {findings[0].path or '/'}: {findings[0].message}" if findings else ""


def _taken_over(cast: Cast, subject: Subject) -> Change | Spoilt:
    findings = check_output(subject.contract, cast.body.get("output"))
    if not findings:
        return NO_CHANGE
    first = findings[0]
    reason = f"{subject.contract.ref} would not answer so: at {first.path or '/'}: {first.message}"
    return _spoilt(cast, "VOTE-OUTPUT-INVALID", reason)


def _spoilt(cast: Cast, code: str, reason: str) -> Spoilt:
    return Spoilt(cast.gate.id, cast.by, cast.verdict, code, reason, cast.body)
