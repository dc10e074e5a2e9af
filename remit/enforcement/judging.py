"""What an answer is worth: its schema, the step's `ensure`, a read-back, and what would undo it.

All of it happens between the call and its outcome, so that the outcome says at once whether the
call is a success, and how it is undone if that is ever needed.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from remit.canonical import JSON, JSONObject, NotCanonicalError, canonical
from remit.enforcement.endings import Judgement, Verdict
from remit.enforcement.subject import Subject
from remit.enforcement.surroundings import Surroundings
from remit.ledger.entries import Content, FrozenUndo
from remit.plan.expression import ExpressionError, evaluate
from remit.plan.template import TemplateError, resolve
from remit.plan.usage import steps_used
from remit.tool.language_model import ModelKind
from remit.tool.pointer import PointerError, follow
from remit.tool.validation import check_output

MAX_OUTPUT_BYTES = 1024 * 1024
"""Largest output that the ledger takes; tools send larger things by reference."""

ReadBack = Callable[[Subject, JSON], Awaitable[tuple[str, str]]]
"""Reads back what a call did; returns code and message of how it disagrees, or two empty texts."""


def judgement_of_do(subject: Subject, around: Surroundings, read_back: ReadBack) -> Judgement:
    """Return the judgement of a `do` call."""

    async def judge(output: JSON, enforced: JSONObject) -> Verdict:
        code, message = _shape(subject, output)
        undo, contents = await frozen_undo(subject, around, output, enforced)
        if not code:
            code, message = await _ensure(subject, around, output)
        if not code and subject.contract.read_back is not None:
            # What was sent is what must be found: an obligation may have changed the arguments.
            sent = replace(subject, arguments=enforced)
            code, message = await read_back(sent, output)
        spent, tokens = _spent(subject, output), _tokens(subject, output)
        return Verdict(code, message, undo, contents, spent, tokens)

    return judge


def judgement_of_undo(subject: Subject) -> Judgement:
    """Return the judgement of an undo: its answer must have the promised shape."""

    async def judge(output: JSON, enforced: JSONObject) -> Verdict:
        code, message = _shape(subject, output)
        return Verdict(code, message)

    return judge


def _shape(subject: Subject, output: JSON) -> tuple[str, str]:
    try:
        size = len(canonical(output))
    except NotCanonicalError as error:
        return "OUTPUT-NOT-JSON", str(error)
    if size > MAX_OUTPUT_BYTES:
        return "OUTPUT-TOO-LARGE", f"{size} bytes; at most {MAX_OUTPUT_BYTES} are kept"
    findings = check_output(subject.contract, output)
    if findings:
        first = findings[0]
        return "OUTPUT-SCHEMA", (
            f"{subject.contract.ref} {subject.contract.version} answered outside its contract "
            f"at {first.path or '/'}: {first.message}"
        )
    return "", ""


async def _ensure(subject: Subject, around: Surroundings, output: JSON) -> tuple[str, str]:
    if not subject.step.ensure:
        return "", ""
    used = steps_used(subject.step, "ensure")
    scope = await around.scope(subject.step, subject.key.segment.item, used)
    for expression in subject.step.ensure:
        try:
            holds = evaluate(expression, {**scope, "output": output})
        except ExpressionError as error:
            return "ENSURE-ERROR", f"{expression}: {error}"
        if not holds:
            return "ENSURE-FALSE", f"it happened, but not so that {expression}"
    return "", ""


async def frozen_undo(
    subject: Subject, around: Surroundings, output: JSON, enforced: JSONObject
) -> tuple[FrozenUndo | None, tuple[Content, ...]]:
    """Return the undoing call with its arguments resolved, fixed together with the outcome."""
    undo = subject.step.undo
    if undo is None or not subject.contract.operation.has_effect:
        return None, ()
    try:
        scope = await around.scope(
            subject.step, subject.key.segment.item, steps_used(subject.step, "undo")
        )
        arguments = resolve(undo.args, {**scope, "args": enforced, "output": output})
        frozen = Content.of(arguments)
    except (TemplateError, NotCanonicalError):
        # Without an answer there may be nothing to undo with: residue, with a person assigned.
        return FrozenUndo(undo.tool, undo.contract, None), ()
    return FrozenUndo(undo.tool, undo.contract, frozen.digest), (frozen,)


def _spent(subject: Subject, output: JSON) -> int | None:
    pointer = subject.contract.cost.actual_output
    return None if pointer is None else _whole(output, pointer)


def _tokens(subject: Subject, output: JSON) -> int | None:
    if not isinstance(subject.contract.call, ModelKind):
        return None
    told = [_whole(output, f"/usage/{name}_tokens") for name in ("input", "output")]
    known = [one for one in told if one is not None]
    return sum(known) if len(known) == len(told) else None


def _whole(output: JSON, pointer: str) -> int | None:
    try:
        value = follow(output, pointer)
    except PointerError:
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
