"""Scores and rules together: a score only ever makes an outcome stricter."""

import json
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import Phase, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from pydantic import TypeAdapter

from remit.canonical import JSONObject
from tests.policies import given
from tests.policies.served import MY_PROJECT, POLICIES, opa_binary

pytestmark = pytest.mark.opa

_ANSWERS = TypeAdapter(list[tuple[str, str]])
_STRICTER = ("allow", "require_approval", "deny")
_MODULE = """package asked

import rego.v2

answers := [[effect(case.unscored, case.calm), effect(case.scored, case.registry)] |
	some case in input.cases
]

effect(facts, registry) := found if {
	found := data.remit.main.decision.effect with input as facts
		with data.remit.registry as registry
}
"""
_REGISTRY = yaml.safe_load((MY_PROJECT / "data.yaml").read_text())["remit"]["registry"]

_treatments = st.sampled_from(["unattended", "notify", "approve", "deny"])
_scores = st.floats(0, 1, allow_nan=False)
_tables = st.fixed_dictionaries(
    {
        "risk": st.dictionaries(
            st.sampled_from(["low", "medium", "high", "critical"]), _treatments
        ),
        "confidence": st.lists(
            st.fixed_dictionaries({"below": _scores, "do": _treatments}), max_size=3
        ),
    }
)
_calls = st.fixed_dictionaries(
    {
        "operation": st.sampled_from(["read", "write", "delete", "spend"]),
        "irreversible": st.booleans(),
        "destinations": st.sampled_from([["desk.acme.example"], ["evil.example"]]),
        "tool": st.sampled_from(["desk.order@1", "desk.forbidden@1"]),
    }
)


def case(call: JSONObject, table: JSONObject, least: float, confidence: float) -> JSONObject:
    """Return the same call without any score, and with one under a table."""
    return {
        "unscored": given.document(given.call(**call, confidence=None)),
        "scored": given.document(given.call(**call, confidence=confidence)),
        "calm": {**_REGISTRY, "thresholds": {"min_confidence": 0}},
        "registry": {
            **_REGISTRY,
            "thresholds": {"packs": {"tolerance": table}, "min_confidence": least},
        },
    }


def answers(cases: list[JSONObject]) -> list[tuple[str, str]]:
    """Ask one OPA about all cases."""
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder, "asked.rego")
        module.write_text(_MODULE)
        loaded = [part for path in (POLICIES, MY_PROJECT, module) for part in ("--data", str(path))]
        command = [str(opa_binary()), "eval", *loaded, "--ignore", "*.json", "--format", "raw"]
        done = subprocess.run(
            [*command, "--stdin-input", "data.asked.answers"],
            input=json.dumps({"cases": cases}),
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
    return _ANSWERS.validate_json(done.stdout)


@settings(max_examples=4, deadline=None, phases=[Phase.generate])
@drawn(st.lists(st.builds(case, _calls, _tables, _scores, _scores), min_size=20, max_size=60))
def test_a_score_overturns_no_rule(cases: list[JSONObject]) -> None:
    """However sure the author and however lax the table, nothing gets milder than the rules are."""
    found = answers(cases)

    assert len(found) == len(cases)
    for unscored, scored in found:
        assert _STRICTER.index(scored) >= _STRICTER.index(unscored)


def test_a_refusal_stands_whatever_the_score() -> None:
    """A call that a rule refuses is refused at 0.99; the same score lets a clean one through."""
    refused: JSONObject = {"destinations": ["evil.example"]}

    assert answers([case(refused, {}, 0.7, 0.99), case({}, {}, 0.7, 0.99)]) == [
        ("deny", "deny"),
        ("allow", "allow"),
    ]


def test_a_table_does_make_it_stricter() -> None:
    """The property is not true of nothing: bands refuse and ask."""
    bands: JSONObject = {
        "confidence": [{"below": 0.9, "do": "approve"}, {"below": 0.5, "do": "deny"}]
    }

    assert answers([case({}, bands, 0.0, score) for score in (0.9, 0.89, 0.49)]) == [
        ("allow", "allow"),
        ("allow", "require_approval"),
        ("allow", "deny"),
    ]
