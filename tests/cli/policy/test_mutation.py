"""The mutation check finds what tests do not hold, and says so until it is held or excused."""

import os
from pathlib import Path

import pytest

from remit.cli.policy.mutants import mutants
from remit.cli.policy.mutate import Equivalent, Verdict, judge, reviewed
from remit.cli.policy.outcomes import Outcomes
from remit.cli.policy.syntax import parse
from remit.cli.policy.trial import Suite
from tests.policies.served import opa_binary

pytestmark = pytest.mark.opa

_RULES = """package a

import rego.v2

denies contains "a.amount" if {
	input.kind == "call"
	input.amount > 10
}

level := "high" if input.amount > 10
else := "low"
"""
_TESTS = """package a_test

import rego.v2

import data.a

test_large if a.denies == {"a.amount"} with input as {"kind": "call", "amount": 11}

test_small if a.denies == set() with input as {"kind": "call", "amount": 10}

test_high if a.level == "high" with input as {"amount": 11}

test_low if a.level == "low" with input as {"amount": 10}
"""
_FORMS = """package a

import rego.v2

default x := 1

x := 2 if not input.a
else := 3 if input.b
else := 4 if {
	n := input.n
	n >= "é"
}

y contains z if {
	every z in input.l { z != 1 }
	z := {v | some v in input.m; v < 2}
}
"""
_OTHER_KIND = """
test_another_kind if a.denies == set() with input as {"kind": "vote", "amount": 11}
"""


def judged(folder: Path, tests: str, *listed: Equivalent, rules: str = _RULES) -> Verdict:
    """Judge the fixture's rules by `tests`."""
    policies = folder / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "a.rego").write_text(rules)
    (policies / "a_test.rego").write_text(tests)
    modules = parse(opa_binary(), sorted(policies.glob("*.rego")))
    outcomes = Outcomes(folder / "cache" / "outcomes", "1")
    return judge(opa_binary(), [Suite((policies,), modules, frozenset())], listed, outcomes)


def changes(rules: str, folder: Path) -> list[tuple[str, str]]:
    """Return each mutant as what stood there and what stands there."""
    file = folder / "one.rego"
    file.write_text(rules)
    return [(m.was, m.becomes) for m in mutants(parse(opa_binary(), [file])[0])]


def test_a_condition_that_no_test_needs_survives(tmp_path: Path) -> None:
    """Without a case of another kind, `input.kind` may go; nothing else may."""
    verdict = judged(tmp_path, _TESTS)

    assert [(s.mutant.rule, s.mutant.was, s.mutant.becomes) for s in verdict.survivors] == [
        ("denies a.amount", 'input.kind == "call"', "true")
    ]
    assert "a.rego:6" in str(verdict.survivors[0])


def test_a_test_for_it_kills_it_although_the_outcome_was_kept(tmp_path: Path) -> None:
    """An outcome holds for the texts that it was found with; another test asks again."""
    assert judged(tmp_path, _TESTS).survivors

    assert judged(tmp_path, _TESTS + _OTHER_KIND).survivors == ()


def test_a_second_run_asks_opa_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known is not asked again, nor after an edit of nothing but a comment."""
    first = judged(tmp_path, _TESTS)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was asked again")

    monkeypatch.setattr("remit.cli.policy.trial.run_opa", refuse)
    second = judged(tmp_path, _TESTS, rules=f"# Told anew.\n{_RULES}")

    assert second.counts == first.counts
    assert [s.key for s in second.survivors] == [s.key for s in first.survivors]


def test_a_reviewed_equivalent_is_excused_and_a_stale_one_is_told(tmp_path: Path) -> None:
    """An entry holds for the mutants that it names, in their number, while they survive."""
    file = tmp_path / "equivalents.toml"
    file.write_text(
        '[[equivalent]]\nfile = "a.rego"\nrule = "denies a.amount"\n'
        'was = \'input.kind == "call"\'\nbecomes = "true"\n'
        'reason = "nobody asks about another kind"\n'
    )
    (entry,) = reviewed(file)

    excused = judged(tmp_path, _TESTS, entry)
    assert (excused.survivors, excused.stale) == ((), ())
    killed = judged(tmp_path, _TESTS + _OTHER_KIND, entry)
    assert (killed.survivors, killed.stale) == ((), (entry,))
    twice = entry.model_copy(update={"times": 2})
    assert judged(tmp_path, _TESTS, twice).stale == (twice,)


def test_a_list_without_a_reason_is_refused(tmp_path: Path) -> None:
    """Nobody excuses a mutant without saying why."""
    file = tmp_path / "equivalents.toml"
    file.write_text('[[equivalent]]\nfile = "a"\nrule = "b"\nwas = "c"\nbecomes = ""\n')

    with pytest.raises(ValueError, match="reason"):
        reviewed(file)


def test_rules_conditions_branches_and_bounds_are_changed(tmp_path: Path) -> None:
    """Each once, wherever it stands, and nothing that is no condition."""
    found = changes(_FORMS, tmp_path)

    assert set(found) >= {
        ("not input.a", "input.a"),
        ("input.b", "not input.b"),
        ("input.b", "true"),
        ('n >= "é"', 'not n >= "é"'),
        (">=", ">"),
        ("n := input.n", "true"),
        ("z != 1", "not z != 1"),
        ("v < 2", "true"),
        ("<", "<="),
        ("else := 3 if input.b", ""),
        ("default x := 1", ""),
    }
    assert ("n := input.n", "not n := input.n") not in found
    assert len(found) == len(set(found))


def test_a_text_that_looks_like_a_rule_is_none(tmp_path: Path) -> None:
    """Only what the parser calls a condition is one."""
    found = changes('package a\n\nimport rego.v2\n\nx := "not input.a if b > 1"\n', tmp_path)

    assert [becomes for _, becomes in found] == [""]


def test_a_change_leaves_the_folders_as_they_were(tmp_path: Path) -> None:
    """Mutants are tried on copies."""
    judged(tmp_path, _TESTS)

    assert (tmp_path / "policies" / "a.rego").read_text() == _RULES
    assert sorted(os.listdir(tmp_path / "policies")) == ["a.rego", "a_test.rego"]


def test_what_stands_beside_a_file_is_what_its_tests_read(tmp_path: Path) -> None:
    """What is imported, and whatever packages stand below a name that is read; nothing else."""
    texts = {
        "a.rego": "package x.a\n\nimport data.x.lib.one\n\nb if data.x.domains[_].c == one\n",
        "a_test.rego": "package x.a_test\n\nimport data.x.a\n\ntest_a if a.b\n",
        "lib.rego": "package x.lib\n\none := 1\n",
        "domain.rego": "package x.domains.d\n\nc := 1\n",
        "other.rego": "package x.other\n\nc := 1\n",
        "data.yaml": "{}",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    modules = parse(opa_binary(), sorted(tmp_path.glob("*.rego")))
    suite = Suite((tmp_path,), modules, frozenset())
    by_name = {module.path.name: module for module in modules}

    near = {path.name for path in suite.beside(by_name["a.rego"])}
    assert near == {"a.rego", "a_test.rego", "lib.rego", "domain.rego", "data.yaml"}
    assert suite.beside(by_name["other.rego"]) == frozenset()
