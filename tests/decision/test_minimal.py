"""The smallest facts that still differ, found by answers alone."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from remit.canonical import JSONObject
from remit.decision.facts import Facts
from remit.decision.minimal import Place, minimal, reduced
from tests.effort import examples
from tests.policies.given import STEP, call


def searched(facts: JSONObject, differs: Callable[[JSONObject], bool]) -> tuple[JSONObject, int]:
    """Return the smallest facts about which `differs` is true, and how often it was asked."""
    search, asked = minimal(facts), 0
    trials = next(search)
    try:
        while True:
            asked += len(trials)
            trials = search.send([differs(one) for one in trials])
    except StopIteration as found:
        return found.value[0], asked


def dumped(facts: Facts) -> JSONObject:
    """Return facts as a document."""
    document: JSONObject = facts.model_dump(mode="json")
    return document


def has(facts: JSONObject, place: Place, value: object) -> bool:
    """Whether a value stands at a place."""
    found: object = facts
    for part in place:
        if (isinstance(found, dict) and part in found) or (
            isinstance(found, list) and isinstance(part, int) and part < len(found)
        ):
            found = found[part]
        else:
            return False
    return found == value


def test_what_does_not_matter_is_neutral_or_gone() -> None:
    """One argument and one field matter: everything else is emptied, in the form of facts."""
    facts = dumped(call(arguments={"to": "x", "what": {"deep": [1, 2]}}, operation="spend"))
    smallest, _ = searched(
        facts,
        lambda one: (
            has(one, ("action", "arguments", "to"), "x")
            and has(one, ("action", "operation"), "spend")
        ),
    )

    assert Facts.model_validate(smallest).action is not None
    action = smallest["action"]
    assert isinstance(action, dict)
    assert (action["arguments"], action["operation"]) == ({"to": "x"}, "spend")
    assert (action["tool"], action["attempt"], action["direction"]) == ("", 0, "do")
    assert (action["confidence"], action["plan_gate"]) == (None, None)
    plan = smallest["plan"]
    assert isinstance(plan, dict)
    assert (plan["regions"], plan["forbidden_tools"]) == (None, [])


def test_a_list_keeps_only_the_items_that_matter() -> None:
    """Steps of a plan go as wholes, and their number stays what it says."""
    steps = [STEP.model_copy(update={"id": f"s{number}"}) for number in range(40)]
    facts = dumped(call())
    plan = facts["plan"]
    assert isinstance(plan, dict)
    plan["steps"] = [one.model_dump(mode="json") for one in steps]

    def differs(one: JSONObject) -> bool:
        told = one["plan"]
        assert isinstance(told, dict)
        left = told["steps"]
        assert isinstance(left, list)
        assert not left or told["steps_total"] == len(left)
        names = {each["id"] for each in left if isinstance(each, dict)}
        return {"s7", "s31"} <= names

    smallest, asked = searched(facts, differs)

    plan = smallest["plan"]
    assert isinstance(plan, dict)
    left = plan["steps"]
    assert isinstance(left, list)
    assert [(one["id"], one["tool"]) for one in left if isinstance(one, dict)] == [
        ("s7", ""),
        ("s31", ""),
    ]
    assert asked < 400


@settings(max_examples=examples(60), deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 9), min_size=1),
    st.data(),
)
def test_nothing_more_can_be_taken_away(arguments: dict[str, int], data: st.DataObject) -> None:
    """Whatever set of values matters together, exactly that set is left."""
    needed = data.draw(st.sets(st.sampled_from(sorted(arguments)), min_size=1))
    facts = dumped(call(arguments=arguments))
    smallest, _ = searched(
        facts,
        lambda one: all(has(one, ("action", "arguments", n), arguments[n]) for n in needed),
    )

    action = smallest["action"]
    assert isinstance(action, dict)
    assert action["arguments"] == {name: arguments[name] for name in needed}


def test_facts_are_not_touched() -> None:
    """What is reduced is a copy."""
    facts = dumped(call())
    before = dumped(call())

    assert reduced(facts, frozenset()) != facts
    assert facts == before
