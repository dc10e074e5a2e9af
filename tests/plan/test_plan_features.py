"""What a compiled plan says, feature by feature."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.canonical import JSON, JSONObject
from remit.plan.compiled import CompiledPlan, Limits
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.plan.scheduling import part_schedule, schedule_of
from remit.plan.template import resolve
from remit.plan.usage import outputs_used, steps_used
from remit.tool.catalogue import Catalogue
from tests.plan.compiling import CATALOGUE, TEXT, compiled, part, plan, record, tool

LOOK: JSONObject = {"tool": "crm.get_contact@1", "args": {"id": "c-1"}}
QUOTE: JSONObject = {"id": "quote", "tool": "supplier.get_quote@1", "args": {"supplier": "s"}}


def made(document: JSON, *library: JSON) -> CompiledPlan:
    """Return the compiled plan of a document without findings."""
    compilation = compiled(document, *library)
    assert compilation.diagnostics == ()
    assert compilation.compiled is not None
    return compilation.compiled


def look(step_id: str, **more: JSON) -> JSONObject:
    """Return a step that reads a contact."""
    return {**LOOK, "id": step_id, **more}


def test_a_fallback_stands_in_where_its_original_is_used() -> None:
    """Others need the original and read its output; the fallback never starts by itself."""
    compilation = compiled(
        plan(
            look("a", on_failed="b", on_denied="b"),
            look("b"),
            look("c", needs=["a"], args={"id": "${steps.a.output.email}"}),
        )
    )
    assert compilation.compiled is not None
    schedule = schedule_of(compilation.compiled, compilation.contracts, compilation.digest)

    assert compilation.compiled.steps[1].fallback_for == ["a"]
    assert [step.fallback for step in schedule.steps] == [False, True, False]
    assert (schedule.steps[0].on_failed, schedule.steps[0].on_denied) == (1, 1)


def test_a_fallback_may_lack_what_nobody_reads() -> None:
    """Only the parts of the output that are used must fit."""
    document = plan(
        look("a", on_failed="b"),
        {"id": "b", "tool": "crm.find@1", "args": {}},
        look("c", needs=["a"], args={"id": "${steps.a.output.id}"}),
    )
    slim = tool("crm.find", "read", {"type": "object", "properties": {}}, record(id=TEXT))
    catalogue = Catalogue.of([*CATALOGUE, slim])

    assert compile_plan(document, catalogue, Library()).diagnostics == ()


@pytest.mark.parametrize(
    ("join", "count"), [("any", 1), ({"quorum": 2}, 2), ("all", -1), ({"quorum": 3}, -1)]
)
def test_a_join_says_how_many_needs_must_be_done(join: JSON, count: int) -> None:
    """A quorum of all is all."""
    document = plan(*(look(n) for n in "abc"), look("d", needs=["a", "b", "c"], join=join))

    assert made(document).steps[3].join == count


def test_what_all_sides_of_a_join_bring_is_sure() -> None:
    """A step before every alternative can be referred to behind the join."""
    made(
        plan(
            look("first"),
            look("a", needs=["first"]),
            look("b", needs=["first"]),
            look("c", needs=["a", "b"], join="any", args={"id": "${steps.first.output.email}"}),
        )
    )


def test_items_skipped_by_when_are_null_in_the_array() -> None:
    """With a condition per item, each element may be null, and the types know."""
    loop: JSON = {"items": "${inputs.ids}", "as": "one"}
    step = look("each", for_each=loop, args={"id": "${one}"}, when="one != 'x'")
    condition = "steps.each.output.all(c, c == null || c.email != '')"
    document = plan(step, look("after", needs=["each"], require=[condition]), inputs={"ids": ["a"]})

    assert compiled(document).warnings == ()
    made(document)


def test_the_loop_variable_has_the_shape_of_the_items() -> None:
    """A field that the items lack is found in arguments and expressions."""
    loop: JSON = {"items": "${steps.quote.output.lines}", "as": "line"}
    document = plan(
        QUOTE,
        look(
            "each", needs=["quote"], for_each=loop, args={"id": "${line.skuu}"}, when="line.cnt > 1"
        ),
    )

    assert [(str(f.code), f.path) for f in compiled(document).diagnostics] == [
        ("PLAN-REFERENCE-FIELD", "/steps/1/args/id"),
        ("PLAN-EXPRESSION-FIELD", "/steps/1/when"),
    ]


def test_a_sub_plan_is_compiled_apart_and_pinned_by_digest() -> None:
    """Its compiled form holds no inputs, its caller's person, and is found by digest."""
    document = plan(
        {"id": "sub", "plan": "part@1.0.0", "args": {"who": "c-9"}},
        look("after", needs=["sub"], args={"id": "${steps.sub.output.email}"}),
    )
    compilation = compiled(document, part(on_behalf_of="boss@acme.example"))
    assert compilation.compiled is not None
    step = compilation.compiled.steps[0]
    assert step.plan is not None
    inner = compilation.parts[step.plan]

    assert (inner.digest, inner.inputs, inner.on_behalf_of) == (
        step.plan,
        {},
        "somebody@acme.example",
    )
    assert compilation.compiled.plans == {"part@1.0.0": step.plan}
    assert [*compilation.contracts.values()] == [CATALOGUE.find("crm.get_contact@1")]
    schedule = schedule_of(compilation.compiled, compilation.contracts, compilation.digest)
    assert (schedule.steps[0].child, schedule.steps[0].tool) == ("plan", "")


def test_inputs_that_stand_in_a_sub_plan_hold_unless_given() -> None:
    """They are written into the arguments, literally, so that the run need not know them."""
    inner = part(inputs={"who": "${c}", "more": [1]}, inputs_schema=None)
    inner.pop("inputs_schema")
    outer = made(plan({"id": "sub", "plan": "part@1.0.0", "args": {"more": [2]}}), inner)

    assert resolve(outer.steps[0].args, {}) == {"who": "${c}", "more": [2]}


def test_plans_may_use_one_plan_from_several_sides_and_deeply() -> None:
    """Shared sub-plans are compiled once, and all of them are pinned at the top."""
    middle = plan(
        {"id": "one", "plan": "part@1.0.0", "args": {"who": "a"}},
        {"id": "two", "plan": "part@1.0.0", "args": {"who": "b"}},
        name="middle",
    )
    document = plan(
        {"id": "m", "plan": "middle@1.0.0"}, {"id": "p", "plan": "part@1.0.0", "args": {"who": "c"}}
    )
    compilation = compiled(document, middle, part())
    assert compilation.compiled is not None

    assert set(compilation.compiled.plans) == {"middle@1.0.0", "part@1.0.0"}
    assert set(compilation.parts) == set(compilation.compiled.plans.values())


def test_plans_that_contain_each_other_are_refused() -> None:
    """A circle through another plan is a circle."""
    one = plan({"id": "x", "plan": "two@1.0.0"}, name="one")
    two = plan({"id": "x", "plan": "one@1.0.0"}, name="two")

    assert [str(found.code) for found in compiled(one, one, two).diagnostics] == ["PLAN-RECURSION"]


def test_a_plan_of_the_catalogue_can_be_checked_without_its_inputs() -> None:
    """As a part, the inputs that stand in it are examples; by itself they must hold."""
    assert [str(found.code) for found in compiled(part()).diagnostics] == ["PLAN-INPUTS"]
    assert compiled(part(), as_part=True).diagnostics == ()


def test_a_tool_undoes_as_its_contract_says() -> None:
    """Without a compensation of its own, a step gets its tool's, and the undoing tool is pinned."""
    step: JSON = {"id": "u", "tool": "crm.update_contact@1", "args": {"id": "c", "email": "e"}}
    undo = made(plan(step)).steps[0].undo

    assert undo is not None
    assert undo.tool == "crm.restore_contact@1"
    assert undo.args == {"id": "${args.id}", "email": "${output.before.email}"}
    assert undo.contract == CATALOGUE.digests["crm.restore_contact@1"]


def test_optional_arguments_that_are_not_given_are_not_undone_with() -> None:
    """A tool's undo may pass on an optional argument; without it, it is left out."""
    takes = record(id=TEXT, note=TEXT, optional=("note",))
    undo: JSONObject = {"tool": "a.undo@1", "args": {"id": "${output.id}", "note": "${args.note}"}}
    catalogue = Catalogue.of(
        [
            tool("a.do", "write", takes, record(id=TEXT), compensation=undo),
            tool("a.undo", "write", takes, record(id=TEXT), irreversible=True),
        ]
    )
    step: JSONObject = {"id": "s", "tool": "a.do@1", "args": {"id": "x"}}
    without = compile_plan(plan(step), catalogue, Library()).compiled
    given = compile_plan(
        plan({**step, "args": {"id": "x", "note": "n"}}), catalogue, Library()
    ).compiled

    assert without is not None
    assert given is not None
    assert without.steps[0].undo is not None
    assert given.steps[0].undo is not None
    assert set(without.steps[0].undo.args) == {"id"}
    assert set(given.steps[0].undo.args) == {"id", "note"}


@pytest.mark.parametrize(
    ("argument", "places"),
    [
        ("${output.ghost}", ["/steps/0/tool", "/steps/1/tool"]),
        ("${output.id", ["/steps/0/tool", "/steps/1/tool"]),
        ("${steps.first.output.id}", ["/steps/0/tool"]),
        ("${output.id}", []),
    ],
)
def test_a_faulty_undo_of_a_tool_is_told_of_the_steps_that_it_fails(
    argument: str, places: list[str]
) -> None:
    """Steps share what is found in their tool's undo as far as they see the same there."""
    takes = record(id=TEXT)
    undo: JSONObject = {"tool": "a.undo@1", "args": {"id": argument}}
    contracts = [
        tool("a.do", "write", takes, takes, compensation=undo),
        tool("a.undo", "write", takes, takes, irreversible=True),
    ]
    # Not `Catalogue.of`, which would refuse such contracts: not every source of tools may check.
    catalogue = Catalogue({contract.ref: contract for contract in contracts})
    step: JSONObject = {"id": "first", "tool": "a.do@1", "args": {"id": "x"}}
    found = compile_plan(
        plan(step, {**step, "id": "second", "needs": ["first"]}), catalogue, Library()
    )

    assert [each.path for each in found.diagnostics] == places


def test_probes_and_read_backs_are_pinned_too() -> None:
    """Everything that a run may call is in the compiled plan."""
    probe: JSONObject = {"tool": "a.find@1", "args": {"id": "${args.id}"}}
    catalogue = Catalogue.of(
        [
            tool("a.do", "write", record(id=TEXT), record(id=TEXT), irreversible=True, probe=probe),
            tool("a.find", "read", record(id=TEXT), record(id=TEXT)),
        ]
    )
    step: JSON = {"id": "s", "tool": "a.do@1", "args": {"id": "x"}}
    compilation = compile_plan(plan(step), catalogue, Library())

    assert compilation.compiled is not None
    assert set(compilation.compiled.contracts) == {"a.do@1", "a.find@1"}


def test_the_queue_of_a_tool_is_its_own_or_the_given_one() -> None:
    """Contracts win over the fleet's default; sub-plans have none."""
    own = tool("b.read", "read", record(id=TEXT), record(id=TEXT), task_queue="special")
    catalogue = Catalogue.of([*CATALOGUE, own])
    steps: list[JSONObject] = [look("a"), {"id": "b", "tool": "b.read@1", "args": {"id": "x"}}]
    found = compile_plan(plan(*steps), catalogue, Library(), queue="tools").compiled

    assert found is not None
    assert [step.queue for step in found.steps] == ["tools", "special"]


def test_slow_calls_and_heartbeats_follow_the_timeout() -> None:
    """Calls beyond five minutes run in a child; those beyond five seconds heartbeat."""
    compilation = compiled(
        plan(look("quick", timeout="PT5S"), look("usual"), look("slow", timeout="PT10M")),
        limits=Limits(heartbeat_s=7),
    )
    assert compilation.compiled is not None
    schedule = schedule_of(compilation.compiled, compilation.contracts, compilation.digest)

    assert [step.child for step in schedule.steps] == ["", "", "long"]
    assert [step.heartbeat_s for step in schedule.steps] == [None, 7, 7]
    alone = part_schedule(compilation.compiled, compilation.contracts, "slow", "long").steps[0]
    assert (alone.child, alone.timeout_s, alone.for_each) == ("", 600, False)


def test_repeat_is_bounded_and_sees_the_output_just_made() -> None:
    """`until` is checked against the tool's output."""
    repeat: JSON = {"until": "output.email != ''", "max_times": 4, "every": "PT2S"}
    compilation = compiled(plan(look("poll", repeat=repeat)))
    assert compilation.compiled is not None
    step = schedule_of(compilation.compiled, compilation.contracts).steps[0]

    assert (step.repeat, step.every_s) == (4, 2)


def test_the_outputs_that_a_part_of_a_step_needs_are_known() -> None:
    """Templates and expressions count, each for its own part; loops need their items always."""
    loop: JSON = {"items": "${steps.a.output.ids}", "as": "one"}
    ids = record(ids={"type": "array", "items": TEXT})
    catalogue = Catalogue.of(
        [
            tool("t.list", "read", {"type": "object", "properties": {}}, ids),
            tool("t.do", "write", record(id=TEXT), record(id=TEXT)),
            tool("t.undo", "write", record(id=TEXT), record(id=TEXT), irreversible=True),
        ]
    )
    first: list[JSONObject] = [{"id": n, "tool": "t.list@1", "args": {}} for n in "abcdef"]
    step: JSONObject = {
        "id": "s",
        "tool": "t.do@1",
        "needs": [*"abcdef"],
        "for_each": loop,
        "when": "steps.b.output.ids.size() > 0",
        "require": ["one in steps.c.output.ids"],
        "args": {"id": "${steps.d.output.ids[0]}"},
        "ensure": ["output.id in steps.e.output.ids"],
        "compensate": {"tool": "t.undo@1", "args": {"id": "${steps.f.output.ids[0]}"}},
    }
    document = plan(*first, step, outputs={"x": "${steps.s.output[0].id}"})
    found = compile_plan(document, catalogue, Library()).compiled
    assert found is not None
    last = found.steps[-1]

    assert steps_used(last, "for_each") == {"a"}
    assert steps_used(last, "call") == {"a", "b", "c", "d"}
    assert steps_used(last, "ensure") == {"a", "e"}
    assert steps_used(last, "undo") == {"a", "f"}
    assert outputs_used(found) == {"s"}


def test_counts_are_known_only_when_this_plan_knows_them() -> None:
    """A sub-plan's count depends on its caller, a list written out does not."""
    loop: JSON = {"items": "${inputs.ids}", "as": "one"}
    literal: JSON = {"items": ["a", "b"], "as": "one"}
    document = plan(look("a", for_each=loop), look("b", for_each=literal), inputs={"ids": ["x"]})
    whole, as_part = compiled(document), compiled(document, as_part=True)
    assert whole.compiled is not None
    assert as_part.compiled is not None

    assert [s.count for s in schedule_of(whole.compiled, whole.contracts).steps] == [1, 2]
    assert [s.count for s in schedule_of(as_part.compiled, as_part.contracts).steps] == [None, 2]


def test_inputs_without_a_schema_get_one_from_their_values() -> None:
    """What differs between items is left open, so that a sub-plan's caller is not bound by it."""
    rows: JSON = [{"a": 1, "b": "x"}, {"a": 1.5}]
    found = made(plan(look("a"), inputs={"rows": rows, "none": None, "empty": []}))

    assert found.inputs_schema == {
        "type": "object",
        "properties": {
            "rows": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"a": {"type": "number"}, "b": TEXT},
                    "required": ["a"],
                    "additionalProperties": False,
                },
            },
            "none": {},
            "empty": {"type": "array", "items": {}},
        },
        "required": ["empty", "none", "rows"],
        "additionalProperties": False,
    }


def test_costs_count_what_is_known_and_surely_happens() -> None:
    """Items that inputs tell are counted; conditional steps and fallbacks are not certain."""
    page: JSONObject = {"id": "p", "tool": "print.page@1", "args": {}}
    loop: JSON = {"items": "${inputs.rows}", "as": "row"}

    def codes(micros: int, **more: JSON) -> list[str]:
        bound: JSON = {"cost": {"micros": micros, "currency": "EUR"}}
        document = plan({**page, **more}, inputs={"rows": [1, 2, 3]}, constraints=bound)
        return [str(found.code) for found in compiled(document).diagnostics]

    assert codes(299, for_each=loop) == ["PLAN-OVER-BUDGET"]
    assert codes(300, for_each=loop) == []
    assert codes(99) == ["PLAN-OVER-BUDGET"]
    assert codes(99, when="size(inputs.rows) > 5") == []


def test_a_library_refuses_two_plans_of_one_name() -> None:
    """The same document twice is one plan; a changed one needs a new version."""
    assert Library.of([part(), part()]).refs == ("part@1.0.0",)
    with pytest.raises(ValueError, match="PLAN-DUPLICATE-ID"):
        Library.of([part(), part(goal="Another")])
    with pytest.raises(ValueError, match="PLAN-SHAPE"):
        Library.of([1])


@st.composite
def plans(draw: st.DrawFn) -> JSONObject:
    """Draw valid plans: any acyclic graph, with references, conditions, joins, loops, fallbacks."""
    count = draw(st.integers(1, 12))
    steps: list[JSONObject] = []
    usable: list[list[str]] = []
    for at in range(count):
        needs = draw(st.lists(st.integers(0, at - 1), unique=True, max_size=3)) if at else []
        names: list[JSON] = [f"s{need}" for need in needs]
        step = look(f"s{at}", needs=names)
        is_partial = bool(needs) and draw(st.booleans())
        if is_partial:
            step["join"] = draw(st.sampled_from(["any", {"quorum": len(needs)}]))
        certain = not is_partial or step["join"] != "any" or len(needs) == 1
        readable = [f"s{need}" for need in needs if certain and "when" not in steps[need]]
        if readable and draw(st.booleans()):
            step["args"] = {"id": f"${{steps.{draw(st.sampled_from(readable))}.output.email}}"}
        if names and draw(st.booleans()):
            other = draw(st.sampled_from(names))
            step["when"] = f"has(steps.{other}.output) && steps.{other}.output.id != 'x'"
        usable.append(readable)
        steps.append(step)
    return plan(*draw(st.permutations(steps)), inputs={"n": draw(st.integers(0, 9))})


@settings(deadline=None)
@given(plans())
def test_any_valid_graph_compiles_and_its_schedule_respects_it(document: JSONObject) -> None:
    """Order in the document does not matter; compiling twice changes nothing."""
    compilation = compiled(document)
    assert compilation.diagnostics == ()
    assert compilation.compiled is not None
    schedule = schedule_of(compilation.compiled, compilation.contracts, compilation.digest)

    for step, scheduled in zip(compilation.compiled.steps, schedule.steps, strict=True):
        assert [schedule.steps[need].id for need in scheduled.needs] == step.needs
    again = compiled(compilation.document)
    assert (again.digest, again.compiled) == (compilation.digest, compilation.compiled)
    stored = CompiledPlan.model_validate_json(compilation.compiled.model_dump_json())
    assert stored.digest == compilation.digest
