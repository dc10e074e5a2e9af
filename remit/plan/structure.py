"""What holds between the steps of a plan: ids, needs, joins, fallbacks, loops.

Everything here is told by the plan alone; tools and schemas are not asked.
"""

from collections.abc import Iterator, Mapping, Sequence

from remit.diagnostic import Repair
from remit.plan.codes import Code
from remit.plan.contract import Plan, Quorum, Step
from remit.plan.findings import Findings, Place
from remit.plan.graph import Graph, Node, build, join_of
from remit.plan.scope import RESERVED

MAX_FALLBACKS = 5
"""Most fallbacks that stand in for one another."""
_WORDS = frozenset({"in", "true", "false", "null"})
_MORE_WORDS = """
as break const continue else for function if import let loop package namespace return var void while
bool bytes double duration dyn int list map null_type string timestamp type uint
"""
_CEL_WORDS = _WORDS | frozenset(_MORE_WORDS.split())
"""Words that the expression language reads in its own way, so that no variable can have them."""
_TOOL_ONLY = ("compensate", "irreversible", "repeat", "ensure", "retry", "timeout", "approval")


def check_structure(plan: Plan, findings: Findings) -> tuple[Graph, dict[str, int]]:
    """Return the graph and the positions by id; of a repeated id the first counts."""
    ids: dict[str, int] = {}
    for at, step in enumerate(plan.steps):
        if step.id in ids:
            message = f"the id {step.id!r} stands twice"
            hint = "give each step an id of its own"
            free = Repair(step.id, _free_id(step.id, ids, len(plan.steps)))
            findings.error(Code.DUPLICATE_ID, ("steps", at, "id"), message, hint, free)
        ids.setdefault(step.id, at)
        _check_step(step, ("steps", at), findings)
    originals = dict(_originals(plan.steps, ids, findings))
    nodes = [_node(plan.steps, at, ids, originals, findings) for at in range(len(plan.steps))]
    graph = build(nodes)
    _report_cycles(plan.steps, graph, findings)
    if not graph.cycles:
        _check_fallbacks(plan.steps, graph, findings)
    return graph, ids


def _free_id(word: str, ids: Mapping[str, int], count: int) -> str:
    """Return an id that no step has, made of `word`."""
    numbered = (f"{word[:56]}_{number}" for number in range(2, count + 3))
    return next((name for name in numbered if name not in ids), "")


def needs_of(step: Step) -> list[str]:
    """Return the needs of `step`, each once."""
    return list(dict.fromkeys(step.needs))


def fallbacks_of(step: Step) -> Iterator[tuple[str, str]]:
    """Yield field and step id of each fallback that `step` names."""
    for field, other in (("on_denied", step.on_denied), ("on_failed", step.on_failed)):
        if other is not None:
            yield field, other


def _check_step(step: Step, place: Place, findings: Findings) -> None:
    if step.id in _WORDS:
        message = f"{step.id!r} is a word of the expression language"
        other = Repair(step.id, f"{step.id}_step")
        findings.error(Code.RESERVED_NAME, (*place, "id"), message, "rename the step", other)
    if (step.tool is None) == (step.plan is None):
        message = "a step calls a tool or a sub-plan: exactly one of `tool` and `plan`"
        hint = "drop one of them" if step.tool else "add `tool`"
        findings.error(Code.ACTION, place, message, hint)
    if step.plan is not None:
        _check_subplan_fields(step, place, findings)
    if step.for_each is not None and step.repeat is not None:
        message = "`for_each` and `repeat` cannot stand in one step"
        hint = "put the repeating step into a sub-plan and loop over that"
        findings.error(Code.LOOP, (*place, "repeat"), message, hint)
    if step.for_each is not None and step.for_each.var in RESERVED | _CEL_WORDS:
        message = f"the loop variable cannot be called {step.for_each.var!r}"
        where = (*place, "for_each", "as")
        other = Repair(step.for_each.var, f"one_{step.for_each.var}")
        findings.error(Code.RESERVED_NAME, where, message, "choose another name", other)
    _check_join(step, place, findings)


def _check_subplan_fields(step: Step, place: Place, findings: Findings) -> None:
    """Refuse what only a tool call can have: nothing would carry it out."""
    fields = [name for name in _TOOL_ONLY if name in step.model_fields_set and getattr(step, name)]
    if step.autonomy != "unattended":
        fields.append("autonomy")
    for field in fields:
        message = f"`{field}` means nothing for a sub-plan step"
        hint = "put it on the steps of the sub-plan; a finished sub-plan is undone as a whole"
        findings.error(Code.SUBPLAN_FIELD, (*place, field), message, hint)


def _check_join(step: Step, place: Place, findings: Findings) -> None:
    if step.join == "all":
        return
    count = len(needs_of(step))
    if count == 0:
        message, hint = "there is nothing to join: the step needs no other", "add `needs`"
        only = Repair(expected={"const": "all"})
        findings.error(Code.JOIN, (*place, "join"), message, hint, only)
    elif isinstance(step.join, Quorum) and step.join.quorum > count:
        message = f"a quorum of {step.join.quorum} cannot be had of {count} needs"
        most = Repair(expected={"type": "integer", "minimum": 1, "maximum": count})
        findings.error(Code.JOIN, (*place, "join", "quorum"), message, f"at most {count}", most)


def _originals(
    steps: Sequence[Step], ids: Mapping[str, int], findings: Findings
) -> Iterator[tuple[int, int]]:
    """Yield each fallback with the step that it stands in for."""
    taken: dict[int, int] = {}
    for at, step in enumerate(steps):
        for field, other in fallbacks_of(step):
            place = ("steps", at, field)
            if other not in ids:
                _unknown_step(other, step, ids, place, findings)
            elif taken.setdefault(ids[other], at) != at:
                message = f"{other!r} already stands in for {steps[taken[ids[other]]].id!r}"
                hint = "give each step a fallback of its own"
                findings.error(Code.FALLBACK, place, message, hint)
            elif ids[other] == at:
                message = f"{other!r} cannot stand in for itself"
                findings.error(Code.FALLBACK, place, message, "name another step")
            else:
                yield ids[other], at


def _unknown_step(
    name: str, named_by: Step, ids: Mapping[str, int], place: Place, findings: Findings
) -> None:
    repair = findings.name_repair(name, (other for other in ids if other != named_by.id))
    hint = repair.hint or "name a step of this plan"
    findings.error(Code.UNKNOWN_STEP, place, f"there is no step {name!r}", hint, repair)


def _node(
    steps: Sequence[Step],
    at: int,
    ids: Mapping[str, int],
    originals: Mapping[int, int],
    findings: Findings,
) -> Node:
    step = steps[at]
    needs: dict[int, None] = {}
    for number, need in enumerate(step.needs):
        place = ("steps", at, "needs", number)
        if need not in ids:
            _unknown_step(need, step, ids, place, findings)
            continue
        if ids[need] in originals:
            original = steps[originals[ids[need]]].id
            message = f"{need!r} starts only in place of {original!r}, so this might never start"
            hint = f"need {original!r}: its fallback's output stands in for its own"
            findings.error(Code.UNREACHABLE, place, message, hint)
        needs.setdefault(ids[need])
    return Node(
        needs=tuple(needs),
        join=join_of(step, len(needs)),
        may_skip=step.when is not None and step.for_each is None,
        fallbacks=_own_fallbacks(step, at, ids, originals),
        original=originals.get(at),
    )


def _own_fallbacks(
    step: Step, at: int, ids: Mapping[str, int], originals: Mapping[int, int]
) -> tuple[int, ...]:
    found = (ids[other] for _, other in fallbacks_of(step) if other in ids)
    return tuple(dict.fromkeys(other for other in found if originals.get(other) == at))


def _report_cycles(steps: Sequence[Step], graph: Graph, findings: Findings) -> None:
    for cycle in graph.cycles:
        first = cycle.index(min(cycle))
        path = cycle[first:] + cycle[:first]
        shown = [steps[at].id for at in path[:12]] + (["…"] if len(path) > 12 else [])
        arrows = " → ".join([*shown, steps[path[0]].id])
        message = f"these steps wait for each other: {arrows}"
        place = ("steps", path[0])
        findings.error(Code.CYCLE, place, message, "take one of the arrows away")


def _check_fallbacks(steps: Sequence[Step], graph: Graph, findings: Findings) -> None:
    """Refuse long rows of fallbacks, and one that would have to wait when its turn comes."""
    for at, node in enumerate(graph.nodes):
        original, length = node.original, 0
        while original is not None and length <= MAX_FALLBACKS:
            original, length = graph.nodes[original].original, length + 1
        if node.original is None:
            continue
        if length > MAX_FALLBACKS:
            message = (
                f"{steps[at].id!r} is the fallback of a fallback, more than {MAX_FALLBACKS} deep"
            )
            findings.error(Code.FALLBACK, ("steps", at), message, "leave some out")
        for need in node.needs:
            if not graph.over[node.original] >> need & 1:
                place = ("steps", at, "needs", steps[at].needs.index(steps[need].id))
                name = steps[node.original].id
                message = f"{steps[need].id!r} need not be over when {name!r} fails"
                hint = f"a fallback may need what {name!r} needs, and nothing more"
                findings.error(Code.FALLBACK, place, message, hint)
