"""One batch of undos at work: begun in order, bounded, and repaired by people."""

from remit.plan.wire import Residue, Undo
from remit.saga.unwinding import Unwinding


def undos(*after: list[int]) -> list[Undo]:
    """Return undos of `s0`, `s1`, ... with these `after`."""
    return [
        Undo(path=f"s{n}", step=f"s{n}", tool="t", compiled="", parent="", after=list(earlier))
        for n, earlier in enumerate(after)
    ]


def left(position: int) -> Residue:
    """Return the residue of an undo."""
    return Residue(path=f"s{position}", tool="t", code="X", reason="r", owner="o")


def test_an_undo_begins_when_all_before_it_are_over() -> None:
    """Each end frees what came after it, as far as nothing else is missing."""
    unwinding = Unwinding(undos([], [], [0, 1], [2]), 10)

    assert unwinding.start() == [0, 1]
    assert unwinding.done(0) == []
    assert unwinding.waiting == [2, 3]
    assert unwinding.done(1) == [2]
    assert unwinding.done(1) == []
    assert unwinding.done(2) == [3]
    assert not unwinding.finished
    assert unwinding.done(3) == []
    assert unwinding.finished


def test_undos_are_bounded() -> None:
    """Never more run at a time than allowed."""
    unwinding = Unwinding(undos([], [], []), 2)

    assert unwinding.start() == [0, 1]
    assert unwinding.done(1) == [2]


def test_an_empty_batch_is_finished() -> None:
    """There is nothing to begin."""
    unwinding = Unwinding([], 5)

    assert unwinding.start() == []
    assert unwinding.finished


def test_a_failed_undo_holds_up_only_what_comes_after_it() -> None:
    """Independent undos go on; then the batch is parked."""
    unwinding = Unwinding(undos([], [], [0], [1]), 1)
    unwinding.start()

    assert unwinding.failed(0, left(0)) == [1]
    assert unwinding.failed(0, left(0)) == []
    assert unwinding.done(1) == [3]
    assert not unwinding.parked
    assert unwinding.done(3) == []
    assert unwinding.parked
    assert unwinding.waiting == [2]
    assert unwinding.residue == [left(0)]


def test_a_failed_undo_is_tried_again_on_order() -> None:
    """`retry` begins it again and takes it off the residue."""
    unwinding = Unwinding(undos([], [0]), 5)
    unwinding.start()
    unwinding.failed(0, left(0))

    assert unwinding.retry("s1") == []
    assert unwinding.retry("s0") == [0]
    assert unwinding.residue == []
    assert unwinding.done(0) == [1]


def test_a_failed_undo_may_be_marked_as_done() -> None:
    """`mark_done` frees what waited and leaves no residue."""
    unwinding = Unwinding(undos([], [0]), 5)
    unwinding.start()
    unwinding.failed(0, left(0))

    assert unwinding.mark_done("s0") == [1]
    assert unwinding.mark_done("s0") == []
    assert unwinding.residue == []


def test_a_failed_undo_may_be_handed_over() -> None:
    """`hand_over` frees what waited and keeps the residue."""
    unwinding = Unwinding(undos([], [0]), 5)
    unwinding.start()
    unwinding.failed(0, left(0))

    assert unwinding.hand_over("s0") == [1]
    assert unwinding.hand_over("unknown") == []
    unwinding.done(1)
    assert unwinding.finished
    assert unwinding.residue == [left(0)]
