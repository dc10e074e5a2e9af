"""Whether a contract may take the place of an earlier one of the same major.

The answer is one-sided, like the comparison of schemas below it: what is not named is so, and what
cannot be told is named. Each call that a plan made is taken, each name that it refers to is there,
each answer is one that it expected, and nothing is reached, touched or done that was not before.
(Answers may be fewer than before: a plan that took one of those that are gone may be refused.)
How a tool is called (`call`) is its owner's own business.
"""

from collections.abc import Iterable, Iterator, Mapping

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic
from remit.plan.shape import ANY, Shape, of_schema
from remit.tool.contract import ToolContract
from remit.tool.places import finding
from remit.tool.within import Comparison

_FREE = frozenset(
    {"name", "version", "owner", "description", "call", "compatibility", "upcast"}
    | {"timeout_s", "heartbeat_s", "settle_s", "task_queue"}
    | {"rate_limit", "concurrency", "breaker"}
)
"""Fields that promise nothing to a plan. Any other that is not looked at below counts."""
_WIDENING = ("destinations", "private", "data_classes")
_MAX_DEPTH = 30
_NEW_MAJOR = "give it a new major (and leave the old one beside it), or take the change back"


def breaking(
    before: Mapping[str, ToolContract], after: Mapping[str, ToolContract]
) -> list[Diagnostic]:
    """Return what the contracts `after` break that stood `before`; both by `name@major`."""
    found: list[Diagnostic] = []
    served = {f"{n.name}@{n.upcast.major}": n for n in after.values() if n.upcast is not None}
    for ref, old in sorted(before.items()):
        new = after.get(ref)
        if new is not None:
            found += breaks(old, new)
        elif ref in served:
            found += _served(old, served[ref])
        else:
            message = "there is no such contract any more: plans that name it do not compile"
            hint = "keep it beside the new major, or give the new one an `upcast` of it"
            found.append(finding(old, "CONTRACT-REMOVED", (), message, hint))
    return found


def breaks(old: ToolContract, new: ToolContract) -> list[Diagnostic]:
    """Return what `new` breaks for those who know `old`; paths are places in `new`."""
    one, other = old.model_dump(mode="json"), new.model_dump(mode="json")
    if one == other:
        return []
    found = [*_version(old, new), *_risks(old, new), *_promises(old, new)]
    if old.compatibility != "none":
        found += _schemas(old, new)
    judged = {"input_schema", "output_schema", "operation", "idempotency", "compensation"}
    judged |= {"irreversible", "read_back", "cost", "cancellable", "quality", *_WIDENING} | _FREE
    for field in sorted((one.keys() | other.keys()) - judged):
        if one.get(field) != other.get(field):
            message = f"`{field}` changed, and whether that breaks anybody cannot be told"
            found.append(finding(new, "CONTRACT-CHANGED", (field,), message, _NEW_MAJOR))
    return found


def _served(old: ToolContract, new: ToolContract) -> Iterator[Diagnostic]:
    """Yield what plans for `old` meet that `new` serves: arguments are cast, answers are not."""
    yield from _risks(old, new)
    yield from _answers(old, new, new, "")


def _version(old: ToolContract, new: ToolContract) -> Iterator[Diagnostic]:
    if _numbers(new) > _numbers(old):
        return
    message = f"it changed, and its version went from {old.version} to {new.version}"
    hint = "raise the minor version, for words alone the patch"
    yield finding(new, "CONTRACT-VERSION", ("version",), message, hint)


def _numbers(contract: ToolContract) -> tuple[int, ...]:
    return tuple(int(part) for part in contract.version.split("."))


def _risks(old: ToolContract, new: ToolContract) -> Iterator[Diagnostic]:
    """Yield what may do or touch more than before, whichever compatibility is declared."""
    if new.operation is not old.operation:
        message = f"the operation was {old.operation.value} and is {new.operation.value}"
        yield finding(new, "CONTRACT-WIDENED", ("operation",), message, _NEW_MAJOR)
    for field in _WIDENING:
        more = sorted(set(getattr(new, field)) - set(getattr(old, field)))
        if more:
            message = f"`{field}` have more than before: {', '.join(more)}"
            yield finding(new, "CONTRACT-WIDENED", (field,), message, _NEW_MAJOR)
    if new.idempotency is not old.idempotency:
        message = f"idempotency was {old.idempotency.value} and is {new.idempotency.value}"
        yield finding(new, "CONTRACT-IDEMPOTENCY", ("idempotency",), message, _NEW_MAJOR)


def _promises(old: ToolContract, new: ToolContract) -> Iterator[Diagnostic]:
    """Yield what the old contract promised beyond its schemas and the new one does not."""
    undone, undoes = old.compensation, new.compensation
    if undone is not None and (undoes is None or undoes.tool != undone.tool):
        other = "nothing" if undoes is None else undoes.tool
        message = f"it was undone by {undone.tool}, and is by {other}"
        yield finding(new, "CONTRACT-UNDO", ("compensation",), message, _NEW_MAJOR)
    if old.irreversible != new.irreversible and undoes is None:
        message = "`irreversible` changed: steps that call it need something else than before"
        yield finding(new, "CONTRACT-UNDO", ("irreversible",), message, _NEW_MAJOR)
    if old.read_back is not None and new.read_back is None:
        message = "its effect was read back, and is not any more"
        yield finding(new, "CONTRACT-UNDO", ("read_back",), message, _NEW_MAJOR)
    if old.cancellable and not new.cancellable:
        message = "it could be cancelled, and cannot any more"
        yield finding(new, "CONTRACT-CHANGED", ("cancellable",), message, _NEW_MAJOR)
    if new.may_withhold and not old.may_withhold:
        message = "a call may be done and leave no output now"
        yield finding(new, "CONTRACT-CHANGED", ("quality", "on_miss"), message, _NEW_MAJOR)
    if old.cost != new.cost and not _is_cheaper(old, new):
        message = "what a call costs changed: plans within their budget may be beyond it"
        yield finding(new, "CONTRACT-COST", ("cost",), message, _NEW_MAJOR)


def _is_cheaper(old: ToolContract, new: ToolContract) -> bool:
    """Say whether nothing but a fixed estimate changed, and that fell."""
    was, now = old.cost.estimate, new.cost.estimate
    if was is None or now is None or was.currency != now.currency:
        return False
    return old.cost.model_copy(update={"estimate": now}) == new.cost and now.micros <= was.micros


def _schemas(old: ToolContract, new: ToolContract) -> Iterator[Diagnostic]:
    if old.compatibility != "forward":
        yield from _one_way(old, new, new, "")
    if old.compatibility != "backward":
        yield from _one_way(new, old, new, " (looked at from the new one: it is declared so)")


def _one_way(
    caller: ToolContract, called: ToolContract, shown: ToolContract, why: str
) -> Iterator[Diagnostic]:
    """Yield what keeps a plan that was written for `caller` from `called`."""
    field = "input_schema"
    narrowed = Comparison(caller.input_schema, called.input_schema).differences()
    lost = _lost(of_schema(caller.input_schema), of_schema(called.input_schema), "", 0)
    for place in dict.fromkeys([*narrowed, *lost]):
        message = f"arguments that were right may be refused, at {place or 'the top'}{why}"
        where = (field, *place.split("/")[1:])
        yield finding(shown, "CONTRACT-ARGUMENTS", where, message, _ARGUMENTS)
    yield from _answers(caller, called, shown, why)


def _answers(
    caller: ToolContract, called: ToolContract, shown: ToolContract, why: str
) -> Iterator[Diagnostic]:
    field = "output_schema"
    loosened = Comparison(called.output_schema, caller.output_schema).differences()
    lost = _lost(of_schema(caller.output_schema), of_schema(called.output_schema), "", 0)
    for place in dict.fromkeys([*loosened, *lost]):
        message = f"an answer may be one that nobody expects, at {place or 'the top'}{why}"
        where = (field, *place.split("/")[1:])
        yield finding(shown, "CONTRACT-ANSWER", where, message, _ANSWER)


_ARGUMENTS = f"keep new arguments optional and old ones as wide as they were, or {_NEW_MAJOR}"
_ANSWER = f"keep all that was required and no wider than it was, or {_NEW_MAJOR}"


def _lost(old: Shape, new: Shape, path: str, depth: int) -> Iterator[str]:
    """Yield members that plans may name in `old` and not in `new`.

    That is more than values can tell: an optional member of a closed object may be gone, and every
    value still be right, but a plan that refers to it does not compile.
    """
    if new.is_any or depth > _MAX_DEPTH:
        return
    if old.is_any:
        yield path  # any name could be asked for, and now only some can
        return
    if old.rest is not None and new.rest is None and "object" in new.kinds:
        yield f"{path}/additionalProperties"
    for name, member in old.fields.items():
        there = new.member(name)
        place = f"{path}/properties/{name.replace('~', '~0').replace('/', '~1')}"
        if there is None:
            yield place
        else:
            yield from _lost(member, there, place, depth + 1)
    if "array" in old.kinds and new.item is not None:
        yield from _lost(old.item or ANY, new.item, f"{path}/items", depth + 1)


def by_ref(contracts: Iterable[ToolContract]) -> dict[str, ToolContract]:
    """Return contracts by `name@major`."""
    return {contract.ref: contract for contract in contracts}


def exported(contracts: Iterable[ToolContract]) -> JSONObject:
    """Return contracts as a file of tools writes them, whole and in order."""
    ordered = sorted(contracts, key=lambda contract: contract.ref)
    tools: list[JSON] = [contract.model_dump(mode="json") for contract in ordered]
    return {"tools": tools}
