"""What is undone next and in which order, rule by rule."""

from remit.ledger.entries import Action, State
from remit.plan.compiled import CompiledPlan
from remit.saga.order import UndoBatch, undo_batch
from tests.saga.runs import did, plan, step, undid

DOUBT = State.IN_DOUBT


def batch(of: CompiledPlan, *actions: Action, parent: str = "", limit: int = 300) -> UndoBatch:
    """Return the next batch."""
    return undo_batch(of, parent, actions, limit=limit)


def order(found: UndoBatch) -> list[str]:
    """Return `path after paths` of each undo."""
    paths = [undo.path for undo in found.undos]
    return [" < ".join([undo.path, *(paths[a] for a in undo.after)]) for undo in found.undos]


CHAIN = plan(step("a"), step("b", "a"), step("c", "b"))


def test_dependants_are_undone_before_what_they_need() -> None:
    """A chain is undone backwards, each waiting for the next one only."""
    found = batch(CHAIN, did("a", 1), did("b", 2), did("c", 3))

    assert order(found) == ["c", "b < c", "a < b"]
    assert (found.more, found.undone, found.residue, found.doubts) == (False, 0, [], [])


def test_order_goes_through_steps_with_nothing_to_undo() -> None:
    """A read in the middle still orders the writes around it."""
    found = batch(CHAIN, did("a", 1), did("b", 2, operation="read", undo=None), did("c", 3))

    assert order(found) == ["c", "a < c"]


def test_independent_steps_do_not_wait_for_each_other() -> None:
    """Without a need there is no order, the later effect merely comes first."""
    found = batch(plan(step("a"), step("b")), did("b", 1), did("a", 2))

    assert order(found) == ["a", "b"]


def test_an_undo_names_the_frozen_tool_and_its_call() -> None:
    """The undo carries what addresses the call and what compensates it."""
    undo = batch(CHAIN, did("sub/a[2]~1@3"), parent="sub").undos[0]

    named = (undo.path, undo.step, undo.tool, undo.parent)
    assert named == ("sub/a[2]~1@3", "a", "undo.a@1", "sub")
    assert (undo.item, undo.iteration, undo.generation) == (2, 1, 3)


def test_an_undo_names_who_looks_after_it() -> None:
    """The step's owner, else the plan's; of what lies in a sub-plan the step's that runs it."""
    of = plan(step("a", owner="team:a"), step("b", "a"))
    found = batch(of, did("a/x"), did("b"))

    owners = {undo.path: undo.owner for undo in found.undos}
    assert owners == {"a": "team:a", "b": "team:plan"}


def test_faulty_calls_are_undone() -> None:
    """A failure with effect is compensated like a success."""
    assert order(batch(CHAIN, did("a", faulty=True))) == ["a"]


def test_what_did_not_happen_or_is_undone_is_left_alone() -> None:
    """Refused, failed and undone calls leave nothing to undo."""
    refused, failed = did("a", state=State.REFUSED), did("b", state=State.FAILED)
    found = batch(CHAIN, refused, failed, did("c"), undid("c"))

    assert (found.undos, found.residue, found.undone, found.more) == ([], [], 1, False)


def test_a_refused_or_open_undo_is_tried_again() -> None:
    """An undo that certainly had no effect, or whose outcome is unknown, comes again."""
    found = batch(
        CHAIN, did("a"), undid("a", State.REFUSED), did("b"), undid("b", State.OPEN)
    )  # fmt: skip

    assert order(found) == ["b", "a < b"]


def test_irreversible_calls_are_residue_with_an_owner() -> None:
    """What nothing undoes is listed for the step's owner, else the plan's; it holds nobody up."""
    of = plan(
        step("a", owner="team:a"),
        step("b", "a", undo=None, irreversible=True, owner="team:b"),
        step("c", "b", undo=None, irreversible=True),
    )
    found = batch(of, did("a"), did("b", undo=None), did("c", undo=None))

    residue = [(left.path, left.tool, left.code, left.owner) for left in found.residue]
    assert residue == [
        ("b", "do.b@1", "UNDO-IRREVERSIBLE", "team:b"),
        ("c", "do.c@1", "UNDO-IRREVERSIBLE", "team:plan"),
    ]
    assert order(found) == ["a"]


def test_without_arguments_there_is_no_undo() -> None:
    """Arguments that could not be frozen, or no frozen undo at all, make residue."""
    found = batch(CHAIN, did("a", undo=False), did("b", undo=None))

    assert [(left.path, left.code) for left in found.residue] == [
        ("a", "UNDO-NO-ARGUMENTS"),
        ("b", "UNDO-NO-ARGUMENTS"),
    ]


def test_a_failed_undo_is_residue_and_holds_up_what_it_depends_on() -> None:
    """Undos of what the step needs wait with it, independent ones go on."""
    of = plan(step("a"), step("b", "a"), step("c"))
    found = batch(of, did("a"), did("b"), did("c"), undid("b", State.FAILED))

    assert order(found) == ["c"]
    assert [(left.path, left.tool, left.code) for left in found.residue] == [
        ("b", "undo.b@1", "UNDO-FAILED")
    ]
    assert found.more


def test_a_failed_undo_that_was_handed_over_holds_nobody_up() -> None:
    """After a person took it over it stays residue, and the rest is undone."""
    over = undid("b", State.FAILED, "UNDO-HANDED-OVER")
    found = batch(plan(step("a"), step("b", "a")), did("a"), did("b"), over)

    assert order(found) == ["a"]
    assert [left.code for left in found.residue] == ["UNDO-HANDED-OVER"]
    assert not found.more


def test_calls_in_doubt_are_asked_about_and_hold_up_what_they_depend_on() -> None:
    """A doubtful call may have happened: what it needs is not undone before that is known."""
    of = plan(step("a"), step("b", "a"), step("c"), step("d"))
    found = batch(
        of, did("a"), did("b", state=DOUBT), did("c"), did("d"), undid("d", DOUBT)
    )  # fmt: skip

    assert order(found) == ["c"]
    assert (found.doubts, found.more) == (["b", "undo:d"], True)


def test_an_open_call_holds_up_what_it_depends_on() -> None:
    """While an outcome is unknown, nothing beneath it is undone."""
    found = batch(CHAIN, did("a"), did("b", state=State.OPEN))

    assert (found.undos, found.doubts, found.more) == ([], [], True)


def test_a_doubt_of_one_item_leaves_the_other_items_free() -> None:
    """Items are independent, but what the step needs waits for all of them."""
    of = plan(step("a"), step("b", "a"))
    found = batch(of, did("a"), did("b[0]"), did("b[1]", state=DOUBT), did("b[2]"))

    assert order(found) == ["b[2]", "b[0]"]


def test_iterations_are_undone_backwards_per_item_and_generations_first() -> None:
    """Of one item, higher generations come first, then later iterations; items are independent."""
    of = plan(step("n"), step("a", "n"))
    calls = ["n", "a[0]", "a[0]~1", "a[0]@1", "a[1]", "a[1]~1"]
    found = batch(of, *(did(path) for path in calls))

    assert order(found) == [
        "a[1]~1",
        "a[1] < a[1]~1",
        "a[0]@1",
        "a[0]~1 < a[0]@1",
        "a[0] < a[0]~1",
        "n < a[1] < a[0]",
    ]


def test_a_fallback_stands_where_its_original_stands() -> None:
    """It is undone after the original's dependants, and before what the original needs."""
    of = plan(
        step("n"),
        step("a", "n", on_failed="f"),
        step("f", fallback_for=["a"], on_denied="g"),
        step("g", fallback_for=["f"]),
        step("d", "a"),
    )
    everything = [did("n", 1), did("a", 2), did("f", 3), did("g", 4), did("d", 5)]
    without_original = [everything[0], everything[2], everything[4]]

    assert order(batch(of, *without_original)) == ["d", "f < d", "n < f"]
    assert order(batch(of, *everything)) == ["d", "g < d", "f < g", "a < f", "n < a"]


def test_a_sub_plan_is_one_compound_undo() -> None:
    """Everything inside a sub-plan is undone by one child, per item, in its place."""
    of = plan(step("a"), step("sub", "a"), step("c", "sub"))
    found = batch(
        of, did("a"), did("c"), did("sub[0]/x"), did("sub[0]/y/z"), did("sub[1]/x"),
        did("sub[1]", operation="plan", undo=None),
    )  # fmt: skip

    assert order(found) == ["c", "sub[1] < c", "sub[0] < c", "a < sub[1] < sub[0]"]
    compound = found.undos[1]
    assert (compound.tool, compound.step, compound.item) == ("", "sub", 1)
    assert compound.compiled == of.digest


def test_a_sub_plan_that_is_undone_is_settled() -> None:
    """Once nothing inside is left the compound is gone; residue inside is listed here too."""
    of = plan(step("sub", owner="team:sub"))
    found = batch(
        of, did("sub/x"), undid("sub/x"), did("sub/y", undo=None), did("sub/r", operation="read")
    )  # fmt: skip

    assert (found.undos, found.undone, found.more) == ([], 1, False)
    assert [(left.path, left.owner) for left in found.residue] == [("sub/y", "team:sub")]


def test_doubts_and_failed_undos_inside_a_sub_plan_are_its_child_s() -> None:
    """A path that is not settled is unwound again by its child, which asks people."""
    of = plan(step("s"), step("t"))
    found = batch(of, did("s/x", state=DOUBT), did("t/y"), undid("t/y", State.FAILED))

    assert order(found) == ["t", "s"]
    assert (found.doubts, found.residue) == ([], [])


def test_a_batch_is_cut_in_order() -> None:
    """The first batches hold what must be undone first; `more` tells that another follows."""
    actions = [did("a", 1), did("b", 2), did("c", 3)]
    first = batch(CHAIN, *actions, limit=2)
    second = batch(CHAIN, *actions, undid("c"), undid("b"), limit=2)

    assert (order(first), first.more) == (["c", "b < c"], True)
    assert (order(second), second.more) == (["a"], False)


def test_steps_that_the_plan_no_longer_knows_are_undone_first() -> None:
    """An amended plan may have lost a step whose effects stand."""
    assert order(batch(CHAIN, did("a"), did("gone"))) == ["gone", "a"]


def test_a_cycle_cannot_hang_the_unwinding() -> None:
    """Were a plan with a cycle ever to run, everything is still undone once."""
    of = plan(step("a", "b"), step("b", "a"), step("c"))

    assert sorted(u.path for u in batch(of, did("a"), did("b"), did("c")).undos) == ["a", "b", "c"]
