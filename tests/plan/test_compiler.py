"""Compiling whole plans: the example of the design, and what holds for every compilation."""

import json
import os
import subprocess
import sys

import pytest

from remit.canonical import JSONObject, digest
from remit.plan.scheduling import part_schedule, schedule_of
from tests.plan.compiling import CATALOGUE, PURCHASE, compiled, plan, purchase


def test_the_example_of_the_design_compiles() -> None:
    """The plan that the design shows has no errors, and pins all that it needs."""
    made = compiled(PURCHASE)

    assert made.diagnostics == ()
    assert made.compiled is not None
    assert made.digest == made.compiled.digest
    assert made.compiled.contracts == {
        ref: CATALOGUE.digests[ref]
        for ref in (
            "erp.cancel_order@1",
            "erp.place_order@1",
            "finance.release_budget@1",
            "finance.reserve_budget@1",
            "mail.send@1",
            "supplier.get_quote@1",
        )
    }
    order = made.compiled.steps[2]
    assert (order.retry.max_attempts, order.retry.max_s, order.timeout_s) == (5, 60, 30)
    assert order.undo is not None
    assert order.undo.tool == "erp.cancel_order@1"
    assert made.compiled.deadline_s == 2 * 86400


def test_compiling_again_gives_the_same_digest() -> None:
    """Compiling is a function: the order of members and a second pass change nothing."""
    first = compiled(PURCHASE)
    shuffled = dict(reversed(purchase().items()))

    assert compiled(shuffled).digest == first.digest
    assert compiled(first.document).digest == first.digest


def test_every_process_compiles_to_the_same_bytes() -> None:
    """Hash seeds, and with them the order of sets, do not reach the compiled plan."""
    script = (
        "import tests.plan.compiling as c;"
        "wrong = c.compiled({**c.PURCHASE, 'stepz': 1, 'goal': 2}).diagnostics;"
        "print(c.compiled(c.PURCHASE).digest, [d.model_dump() for d in wrong])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "4242")
    }

    assert len(said) == 1
    assert said.pop().startswith(compiled(PURCHASE).digest)


@pytest.mark.parametrize("value", [1e16, 2.0**53, -1e20, 30.0, 1.5, 1e-7])
def test_floats_of_any_size_are_pinned_by_their_canonical_form(value: float) -> None:
    """A compiled plan has the digest of its JSON, whichever way its floats were hashed."""
    look: JSONObject = {"id": "look", "tool": "crm.get_contact@1", "args": {"id": "c-1"}}
    made = compiled(plan(look, inputs={"n": value}))
    assert made.compiled is not None

    assert made.digest == digest(made.compiled.model_dump(mode="json"))


def test_a_reference_to_the_catalogue_compiles_to_the_plan_with_its_inputs() -> None:
    """`{"plan": ref, "inputs": …}` is the catalogued plan with those inputs replaced by name."""
    made = compiled({"plan": "purchase-laptops@1.0.0", "inputs": {"supplier": "sup-9"}}, PURCHASE)
    written = purchase()
    inputs = written["inputs"]
    assert isinstance(inputs, dict)
    inputs["supplier"] = "sup-9"

    assert made.document == written
    assert made.digest == compiled(written).digest


def test_the_schedule_holds_positions_and_counts_but_no_data() -> None:
    """What the workflow gets names steps by position and knows counts that the inputs tell."""
    made = compiled(PURCHASE)
    assert made.compiled is not None
    schedule = schedule_of(made.compiled, made.contracts, made.digest)

    assert [step.needs for step in schedule.steps] == [[], [], [0, 1], [2]]
    assert [step.count for step in schedule.steps] == [None, None, None, 1]
    assert "workplace@acme.example" not in schedule.model_dump_json()
    assert schedule.has_outputs


def test_a_part_of_a_step_is_a_schedule_of_that_step_alone() -> None:
    """A child workflow for some items sees one step without needs, and where to begin."""
    made = compiled(PURCHASE)
    assert made.compiled is not None
    part = part_schedule(made.compiled, made.contracts, "notify", "items", 200, 50, 7)

    assert [step.id for step in part.steps] == ["notify"]
    assert (part.first_item, part.steps[0].count, part.steps[0].max_parallel) == (200, 50, 7)
    assert part.steps[0].needs == []
    assert part.compiled == made.digest


def test_one_step_is_enough() -> None:
    """The smallest plan compiles, and warns of nothing."""
    made = compiled(plan({"id": "look", "tool": "crm.get_contact@1", "args": {"id": "c-1"}}))

    assert (made.diagnostics, made.warnings) == ((), ())
    assert (
        json.loads(made.compiled.model_dump_json())["steps"][0]["id"] == "look"
        if made.compiled
        else False
    )
