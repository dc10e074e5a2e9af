"""Which run-time values turn an allow: what is said, held to what the same OPA then answers."""

import json
import shutil
from collections.abc import Iterator

import pytest
import yaml

from remit.canonical import JSON, JSONObject
from remit.cli.rehearsal.residue import Left, left_over
from remit.cli.rehearsal.why import ALWAYS_UNKNOWN, unknowns
from remit.decision.facts import Facts
from remit.enforcement.rehearsal.known import Known
from remit.enforcement.rehearsal.stage import Scene
from tests.policies import given
from tests.policies.served import MY_PROJECT, Served, serve

pytestmark = pytest.mark.opa

MICROS = "input.action.cost.micros"
SPENT = "input.budget.spent_micros"


def left(policies: Served, rules: str, facts: Facts, *unknown: str) -> dict[str, Left]:
    """Return what is left over of `main.denies` or `main.gates`, by code."""
    body: JSONObject = {
        "query": f"data.remit.main.{rules}[g]",
        "input": given.document(facts),
        "unknowns": list(unknown),
    }
    status, answer = policies.post("/v1/compile", body)
    assert status == 200, answer
    return {one.code: one for one in left_over(json.loads(answer))}


def with_value(facts: Facts, place: str, value: JSON) -> JSONObject:
    """Return facts in which one value, named as OPA names it, is another."""
    document = given.document(facts)
    *parts, last = place.removeprefix("input.").split(".")
    here = document
    for part in parts:
        inner = here[part]
        assert isinstance(inner, dict)
        here = inner
    here[last] = value
    return document


def effect_and_codes(policies: Served, document: JSONObject) -> tuple[object, set[str]]:
    """Return what OPA answers when everything is known."""
    decision = policies.ask(document)
    reasons = decision["reasons"]
    assert isinstance(reasons, list)
    return decision["effect"], {str(one["code"]) for one in reasons if isinstance(one, dict)}


@pytest.mark.parametrize(
    ("rules", "code", "place", "condition", "quiet", "turns", "effect"),
    [
        (
            "denies",
            "budget.exceeded",
            MICROS,
            "cost.micros > 0 and cost.micros > 1000",
            1000,
            1001,
            "deny",
        ),
        (
            "gates",
            "operation.spend_large",
            MICROS,
            "cost.micros > 10000000000",
            10_000_000_000,
            10_000_000_001,
            "require_approval",
        ),
        (
            "denies",
            "budget.exceeded",
            SPENT,
            "budget.spent_micros + 100 > 1000",
            900,
            901,
            "deny",
        ),
    ],
)
def test_a_value_on_each_side_of_what_is_said(
    policies: Served,
    rules: str,
    code: str,
    place: str,
    condition: str,
    quiet: int,
    turns: int,
    effect: str,
) -> None:
    """On this side the code does not come, on the other it does, with the effect that was said."""
    facts = given.spending(micros=100)
    if rules == "gates":
        budget = given.BUDGET.model_copy(update={"limit_micros": 2**50})
        facts = facts.model_copy(update={"budget": budget})

    found = left(policies, rules, facts, place)[code]

    assert found.conditions == [condition]
    assert code not in effect_and_codes(policies, with_value(facts, place, quiet))[1]
    answered, codes = effect_and_codes(policies, with_value(facts, place, turns))
    assert (answered, code in codes) == (effect, True)


def test_a_gate_names_whom_it_asks(policies: Served) -> None:
    """What is asked for whatever the run tells has no condition, and is no turn."""
    found = left(policies, "gates", given.spending(), MICROS)

    assert found["operation.spend"] == Left("operation.spend", "budget_holder", ())
    assert found["operation.spend_large"].role == "finance_approver"


def test_nothing_is_left_over_when_everything_is_known(policies: Served) -> None:
    """A call that is allowed whatever comes has no turns."""
    assert left(policies, "denies", given.call(), "input.action.arguments.what") == {}


def test_a_rule_over_a_set_is_said_as_one(policies: Served) -> None:
    """An unknown currency is held to those that are known."""
    found = left(policies, "denies", given.spending(), "input.action.cost.currency")
    facts = given.spending()

    assert found["budget.currency"].conditions == ['cost.currency not in {"", "EUR"}']
    for currency, is_denied in (("EUR", False), ("", False), ("USD", True)):
        asked = with_value(facts, "input.action.cost.currency", currency)
        assert ("budget.currency" in effect_and_codes(policies, asked)[1]) == is_denied


def test_unknown_arguments_are_named_as_opa_names_them() -> None:
    """Items by number, members by text, whatever stands in it."""
    value: JSONObject = {"a": [{"0": "unknown"}], 'b"/~': "unknown"}
    known = Known(value, ("/a/0/0", '/b"~1~0'))
    scene = Scene("1", "a", "t@1", None, known, unknown_facts=["cost.micros"])

    assert unknowns(scene) == [
        'input.action.arguments["a"][0]["0"]',
        'input.action.arguments["b\\"/~"]',
        "input.action.cost.micros",
        *ALWAYS_UNKNOWN,
    ]


def test_an_unknown_item_leaves_the_whole_list_open(policies: Served) -> None:
    """A rule that looks at all of the arguments is left over when one of them is unknown."""
    facts = given.call(arguments={"count": 9, "what": "paper"})
    body: JSONObject = {
        "query": "g = input.action.arguments[_]",
        "input": given.document(facts),
        "unknowns": ['input.action.arguments["what"]'],
    }
    _, answer = policies.post("/v1/compile", body)

    queries = json.loads(answer)["result"]["queries"]
    assert len(queries) == 2
    assert "what" in json.dumps(queries)


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The policies, with every table whose entries select calls."""
    project = tmp_path_factory.mktemp("bounded") / "policies"
    shutil.copytree(MY_PROJECT, project)
    other: JSONObject = {"tool": "desk.other@1"}
    this: JSONObject = {"tool": "desk.order@1"}
    told: JSONObject = {"needs": ["desk.ask@1"], "message": "ask before"}
    spread = {"days": [1, 2, 3, 4, 5, 6, 7], "from_minute": 0, "to_minute": 1}
    data = yaml.safe_load((project / "data.yaml").read_text())
    data["remit"]["registry"]["thresholds"] = {
        "sequences": [
            {"name": "this-first", "calls": this, **told},
            {"name": "other-first", "calls": other, **told},
        ],
        "packs": {
            "hours": [{"name": "other", "calls": other, **spread}],
            "detected": [{"name": "other", "calls": other, "classes": ["email"], "do": "deny"}],
        },
    }
    agents = data["remit"]["registry"]["agents"]
    agents["clerk"] = {**agents["buyer"], "fields": {"desk.order@1": {"set": ["/other"]}}}
    agents["lead"] = {"scopes": [], "tenants": ["acme"], "ceiling": ["desk.write"]}
    agents["buyer"]["budgets"] = [
        {"name": "other", "counts": "calls", "of": other, "most": 1, "window_ms": 1000}
    ]
    (project / "data.yaml").write_text(json.dumps(data))
    with serve(project=project) as served:
        yield served


def test_what_selects_another_tool_is_left_over_by_no_unknown_argument(bounded: Served) -> None:
    """A call's tool is known before the run, whatever its arguments are."""
    unknown = ('input.action.arguments["what"]', *ALWAYS_UNKNOWN)
    denies = left(bounded, "denies", given.call(), *unknown)

    assert denies["sequence.this_first"].conditions == ['"desk.ask@1" not in history.tools']
    assert {code for code, one in denies.items() if one.conditions} == {"sequence.this_first"}
    assert left(bounded, "gates", given.call(), *unknown) == {}


def test_a_rule_that_looks_at_every_argument_is_told_by_the_facts_that_it_looks_at(
    bounded: Served,
) -> None:
    """Its own terms are of no use to anybody."""
    who = given.PRINCIPAL.model_copy(update={"agent": "clerk"})
    facts = given.call().model_copy(update={"principal": who})
    found = left(bounded, "denies", facts, 'input.action.arguments["what"]')

    assert found["field.not_settable"].conditions == ["arguments fit a rule that has no short form"]


def test_who_hands_down_what_is_told_by_no_unknown_argument(bounded: Served) -> None:
    """What an agent may have done is known before the run, whatever the arguments are."""
    who = given.PRINCIPAL.model_copy(update={"delegation": ["lead"]})
    facts = given.call().model_copy(update={"principal": who})

    found = left(bounded, "denies", facts, 'input.action.arguments["what"]')
    assert "delegation.exceeds" not in found


def test_nothing_is_called_null(policies: Served) -> None:
    """A value that a plan may leave out is compared with `null`, in that word."""
    body: JSONObject = {
        "query": 'g = {"code": "a.b"}; input.plan.max_steps = null',
        "input": {"plan": {}},
        "unknowns": ["input.plan.max_steps"],
    }
    _, answer = policies.post("/v1/compile", body)

    assert left_over(json.loads(answer)) == [Left("a.b", "", ["plan.max_steps == null"])]
