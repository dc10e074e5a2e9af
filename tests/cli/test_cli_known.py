"""What a dry run knows of a call's arguments before anything ran."""

from remit.canonical import JSONObject
from remit.enforcement.rehearsal.known import UNKNOWN, fill, holds, known_inputs

SCOPE: JSONObject = {"inputs": {"n": 5, "name": "x"}, "steps": {}}


def test_what_only_the_run_can_tell_is_marked() -> None:
    """Known references keep their type; unknown ones are named by pointer, at any depth."""
    template: JSONObject = {
        "n": "${inputs.n}",
        "who": "for ${inputs.name}",
        "id": "${steps.a.output.id}",
        "list": [1, {"a/b": "is ${steps.a.output.id}"}],
    }

    known = fill(template, SCOPE)

    assert known.value == {
        "n": 5,
        "who": "for x",
        "id": UNKNOWN,
        "list": [1, {"a/b": UNKNOWN}],
    }
    assert known.unknown == ("/id", "/list/1/a~1b")


def test_a_sub_plan_gets_only_what_is_wholly_known() -> None:
    """Half an input would be taken for a whole one."""
    template: JSONObject = {"a": "${inputs.n}", "b": {"c": "${steps.a.output.id}"}, "a/b": "${x}"}

    assert known_inputs(template, SCOPE) == {"a": 5}


def test_a_condition_on_outputs_is_open() -> None:
    """What reads inputs alone is evaluated; what reads an output is neither true nor false."""
    assert holds("inputs.n > 3", SCOPE) is True
    assert holds("inputs.n > 7", SCOPE) is False
    assert holds("steps.a.output.n > 3", SCOPE) is None
    assert holds("inputs.absent > 3", SCOPE) is None
