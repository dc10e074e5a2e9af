"""Unwinding whole runs batch by batch, against the plain definition of reverse dependency order."""

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from remit.ledger.entries import Action, State
from remit.plan.compiled import CompiledPlan
from remit.plan.path import Segment
from remit.saga.order import UndoBatch, undo_batch
from remit.saga.unwinding import Unwinding
from tests.effort import examples
from tests.saga.runs import did, plan, step, undid


@dataclass(frozen=True)
class Run:
    """A plan, what happened of it, and who stands on whom by definition."""

    plan: CompiledPlan
    happened: list[Action]
    needs: dict[str, set[str]]
    """By step: all steps that must be undone later, transitively."""


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Draw a plan with fallbacks and a random part of it that happened."""
    size = draw(st.integers(1, 12))
    names = [f"s{n}" for n in range(size)]
    wants = [
        draw(st.lists(st.sampled_from(names[:n]), unique=True, max_size=3)) if n else []
        for n in range(size)
    ]
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    originals = {f"f{name}": name for name in chosen}
    steps = [
        step(name, " ".join(wants[n]), on_failed=f"f{name}" if name in chosen else None)
        for n, name in enumerate(names)
    ]
    steps += [step(fallback, fallback_for=[original]) for fallback, original in originals.items()]
    direct: dict[str, set[str]] = {name: set(wants[n]) for n, name in enumerate(names)}
    for name in names:
        direct[name] |= {f"f{need}" for need in wants[names.index(name)] if need in chosen}
    direct |= {fallback: {original} for fallback, original in originals.items()}
    happened = [
        did(path, order)
        for order, path in enumerate(_paths(draw, [*names, *originals]), start=1)
    ]  # fmt: skip
    return Run(plan(*steps), happened, _closure(direct))


def _paths(draw: st.DrawFn, names: list[str]) -> list[str]:
    paths: list[str] = []
    for name in names:
        kind = draw(st.sampled_from(["none", "one", "items", "repeat", "sub"]))
        many = draw(st.integers(1, 3))
        paths += {
            "none": [],
            "one": [name],
            "items": [f"{name}[{item}]" for item in range(many)],
            "repeat": [name, *(f"{name}~{again}" for again in range(1, many))],
            "sub": [f"{name}/x{n}" for n in range(many)],
        }[kind]
    return paths


def _closure(direct: dict[str, set[str]]) -> dict[str, set[str]]:
    closed = {name: set(needs) for name, needs in direct.items()}
    for _ in direct:
        for needs in closed.values():
            needs |= {far for need in needs for far in closed[need]}
    return closed


def _undone(action: Action, path: str) -> bool:
    return action.key.path == path or action.key.path.startswith(f"{path}/")


def _stands_on(run: Run, upper: str, lower: str) -> bool:
    """Whether `upper` must be undone before `lower`, by definition."""
    one, other = Segment.parse(upper), Segment.parse(lower)
    if one.step != other.step:
        return other.step in run.needs[one.step]
    same_item = one.item == other.item
    later = (one.generation, one.iteration) > (other.generation, other.iteration)
    return same_item and later


def _far(batch: UndoBatch, position: int) -> set[int]:
    after = set(batch.undos[position].after)
    return after | {far for near in after for far in _far(batch, near)}


@settings(max_examples=examples(150), deadline=None)
@given(run=runs(), limit=st.integers(1, 8))
def test_everything_is_undone_once_in_reverse_dependency_order(run: Run, limit: int) -> None:
    """Over all batches, nothing is lost or doubled, and nothing goes before what stands on it."""
    ledger = list(run.happened)
    undone: list[str] = []
    for _ in range(len(run.happened) + 1):
        batch = undo_batch(run.plan, "", ledger, limit=limit)
        paths = [undo.path for undo in batch.undos]
        for position, path in enumerate(paths):
            assert all(earlier < position for earlier in batch.undos[position].after)
            far = {paths[earlier] for earlier in _far(batch, position)}
            assert far == {p for p in paths if _stands_on(run, p, path)}
        undone += paths
        ledger += [undid(a.key.path) for p in paths for a in run.happened if _undone(a, p)]
        if not batch.more:
            break

    assert sorted(undone) == sorted({a.key.path.partition("/")[0] for a in run.happened})
    assert all(
        undone.index(upper) < undone.index(lower)
        for upper in undone
        for lower in undone
        if _stands_on(run, upper, lower)
    )
    last = undo_batch(run.plan, "", ledger, limit=limit)
    assert (last.undos, last.more, last.undone) == ([], False, len(run.happened))


@settings(max_examples=examples(100), deadline=None)
@given(run=runs(), data=st.data(), limit=st.integers(1, 8))
def test_a_blocked_call_holds_up_exactly_what_it_stands_on(
    run: Run, data: st.DataObject, limit: int
) -> None:
    """A call in doubt, or one whose undo failed, keeps what it needs; the rest is undone."""
    here = [action.key.path for action in run.happened if not action.key.parent]
    stuck = set(data.draw(st.lists(st.sampled_from(here), max_size=3)) if here else [])
    doubted = {path for path in stuck if data.draw(st.booleans())}
    ledger = [
        did(a.key.path, a.effect_order, State.IN_DOUBT if a.key.path in doubted else a.state)
        for a in run.happened
    ]
    ledger += [undid(path, State.FAILED) for path in sorted(stuck - doubted)]
    undone: set[str] = set()
    for _ in range(len(run.happened) + 1):
        batch = undo_batch(run.plan, "", ledger, limit=limit)
        paths = {undo.path for undo in batch.undos}
        undone |= paths
        ledger += [undid(a.key.path) for p in paths for a in run.happened if _undone(a, p)]

    everything = {a.key.path.partition("/")[0] for a in run.happened}
    held = {p for p in everything if any(_stands_on(run, upper, p) for upper in stuck)}
    assert undone == everything - held - stuck
    assert set(batch.doubts) == doubted
    assert {left.path for left in batch.residue} == stuck - doubted


@settings(max_examples=examples(100), deadline=None)
@given(run=runs(), data=st.data(), limit=st.integers(1, 8))
def test_what_nothing_can_undo_is_listed_and_holds_nobody_up(
    run: Run, data: st.DataObject, limit: int
) -> None:
    """Irreversible calls and those without undo arguments are residue; all else is undone."""
    here = [action.key.path for action in run.happened if not action.key.parent]
    lost = set(data.draw(st.lists(st.sampled_from(here), max_size=3)) if here else [])
    no_arguments = {path for path in lost if data.draw(st.booleans())}
    ledger = [
        did(a.key.path, a.effect_order, undo=False if a.key.path in no_arguments else None)
        if a.key.path in lost
        else a
        for a in run.happened
    ]
    undone: list[str] = []
    for _ in range(len(run.happened) + 1):
        batch = undo_batch(run.plan, "", ledger, limit=limit)
        paths = [undo.path for undo in batch.undos]
        undone += paths
        ledger += [undid(a.key.path) for p in paths for a in run.happened if _undone(a, p)]

    everything = {a.key.path.partition("/")[0] for a in run.happened}
    assert sorted(undone) == sorted(everything - lost)
    assert all(
        undone.index(upper) < undone.index(lower)
        for upper in undone
        for lower in undone
        if _stands_on(run, upper, lower)
    )
    assert {left.path for left in batch.residue} == lost
    assert all(left.owner for left in batch.residue)
    assert not batch.more


@settings(max_examples=examples(100), deadline=None)
@given(run=runs(), data=st.data(), parallel=st.integers(1, 5))
def test_a_batch_at_work_keeps_the_order(run: Run, data: st.DataObject, parallel: int) -> None:
    """However undos end, each begins once, bounded, after all that stands on it is over."""
    batch = undo_batch(run.plan, "", run.happened, limit=100)
    paths = [undo.path for undo in batch.undos]
    unwinding = Unwinding(batch.undos, parallel)
    running, over, begun = unwinding.start(), set[str](), list[int]()
    begun += running
    while running:
        assert len(running) <= parallel
        position = running.pop(data.draw(st.integers(0, len(running) - 1)))
        over.add(paths[position])
        fresh = unwinding.done(position)
        for new in fresh:
            assert {p for p in paths if _stands_on(run, p, paths[new])} <= over
        running += fresh
        begun += fresh

    assert sorted(begun) == list(range(len(paths)))
    assert unwinding.finished


class _Counted(list[Action]):
    """Counts how many actions are looked at."""

    looked = 0

    def __iter__(self) -> Iterator[Action]:
        for action in super().__iter__():
            self.looked += 1
            yield action


def test_the_work_grows_with_the_run_and_not_faster() -> None:
    """Of ten thousand calls, each is looked at a few times, and a batch is cut from them."""
    of = plan(step("a"), *(step(f"s{n}", "a") for n in range(1000)))
    actions = _Counted(did(f"s{n % 1000}[{n // 1000}]", n) for n in range(10_000))
    actions.append(did("a"))
    batch = undo_batch(of, "", actions, limit=300)

    assert (len(batch.undos), batch.more) == (300, True)
    assert actions.looked <= 3 * len(actions)


def test_after_stays_small_on_a_long_chain() -> None:
    """Each undo of a chain of a thousand names only the next one."""
    of = plan(*(step(f"s{n}", f"s{n - 1}" if n else "") for n in range(1000)))
    batch = undo_batch(of, "", [did(f"s{n}", n) for n in range(1000)], limit=1000)

    assert [undo.after for undo in batch.undos] == [[], *([n] for n in range(999))]
