"""Labels, owners and conflicts: what is wrong is named, what is right is not."""

from datetime import date
from pathlib import Path, PurePosixPath

import pytest

from remit.cli.policy.controls import Control, Owners, read_controls
from remit.cli.policy.lint import conflicts, disowned, overdue, unlabelled
from remit.cli.policy.syntax import Module, parse
from tests.policies.served import POLICIES, opa_binary

pytestmark = pytest.mark.opa

_CONTROL = Control(
    concern="safety",
    requirement="nothing is done twice",
    risk="something is done twice",
    owner="security",
    next_review=date(2027, 5, 1),
)
_HEAD = """# METADATA
# title: One
# labels: {{owner: {owner}, control: C-1}}
package remit.global.{name}

import rego.v2

import data.remit.lib

"""
_LABELS = "# METADATA\n# labels: {concern: safety, control: C-1}\n"
_RULE = 'denies contains lib.reason("one.refused", "global.one", "no") if input.a\n'


def module(folder: Path, rules: str, *, name: str = "one", owner: str = "security") -> Module:
    """Parse a module of the global layer."""
    file = folder / "global" / f"{name}.rego"
    file.parent.mkdir(exist_ok=True)
    file.write_text(_HEAD.format(name=name, owner=owner) + rules)
    return parse(opa_binary(), [file])[0]


def test_every_rule_of_ours_has_a_control_and_every_control_a_rule() -> None:
    """The controls of the repository can be read; `make policy` holds rules to them."""
    controls = read_controls(POLICIES)

    assert {"D-01", "T-02", "H-08"} <= controls.keys()
    assert set(overdue(controls, date(2020, 1, 1))) == set()


def test_a_label_on_the_rule_or_for_all_of_its_name_is_enough(tmp_path: Path) -> None:
    """An annotation may speak for one rule, or for every rule of a name."""
    for_all = _LABELS.replace("METADATA\n", "METADATA\n# scope: document\n")
    helper = "_own := 1\n"

    assert list(unlabelled([module(tmp_path, _LABELS + _RULE)], {"C-1": _CONTROL})) == []
    both = module(tmp_path, f"{for_all}{_RULE}\n{_RULE}\n{helper}")
    assert list(unlabelled([both], {"C-1": _CONTROL})) == []


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (_RULE, "names no control"),
        (_LABELS.replace("C-1", "C-9") + _RULE, "names no control of controls.toml: 'C-9'"),
        (_LABELS.replace("safety", "risk") + _RULE, "its concern is not that of C-1, safety"),
        (_LABELS + _RULE + "\n" + _RULE, "one.rego:14: denies"),
    ],
)
def test_a_rule_without_its_control_is_told(tmp_path: Path, rules: str, said: str) -> None:
    """The label of the package is not the label of its rules."""
    found = list(unlabelled([module(tmp_path, rules)], {"C-1": _CONTROL}))

    assert said in found[0]


def test_a_control_without_a_rule_is_told(tmp_path: Path) -> None:
    """Nobody believes in a control that nothing holds."""
    controls = {"C-1": _CONTROL, "C-2": _CONTROL}
    found = list(unlabelled([module(tmp_path, _LABELS + _RULE)], controls))

    assert found == ["controls.toml: C-2 has no rule"]


def test_an_overdue_control_is_told() -> None:
    """The day itself is still in time."""
    assert list(overdue({"C-1": _CONTROL}, date(2027, 5, 1))) == []
    assert "C-1" in next(overdue({"C-1": _CONTROL}, date(2027, 5, 2)))


def test_the_owner_of_the_folder_is_the_owner_of_the_package(tmp_path: Path) -> None:
    """The last pattern that fits names who may own a file."""
    owners = Owners("# comment\n\n* platform\nglobal/* security\nglobal/two* finance legal\n")

    assert owners.of(PurePosixPath("main/main.rego")) == {"platform"}
    assert list(disowned([module(tmp_path, _RULE)], owners, tmp_path)) == []
    two = module(tmp_path, _RULE, name="two", owner="legal")
    assert list(disowned([two], owners, tmp_path)) == []
    taken = module(tmp_path, _RULE, name="two", owner="security")
    assert "OWNERS names finance, legal" in next(disowned([taken], owners, tmp_path))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (_RULE.replace("denies", "permits"), "one.refused both permits and refuses"),
        (
            'gates contains lib.gate("one.gate", "global.one", data.a, "m") if input.a\n\n'
            'gates contains lib.gate("one.gate", "global.one", data.b, "m") if input.b\n',
            "one.gate asks two roles",
        ),
    ],
)
def test_rules_that_fight_are_told(tmp_path: Path, rules: str, said: str) -> None:
    """One code for and against, or one that asks two roles, is a conflict."""
    found = list(conflicts([module(tmp_path, f"{_RULE}\n{rules}")]))

    assert said in found[0]


def test_a_code_belongs_to_one_package(tmp_path: Path) -> None:
    """Said through a helper, it is said all the same."""
    through = "denies contains _no if input.a\n\n"
    through += '_no := lib.reason("one.refused", "global.two", "no")\n'
    two = module(tmp_path, through, name="two")

    assert "one.refused is said by two packages" in next(conflicts([module(tmp_path, _RULE), two]))
    assert list(conflicts([two])) == []
    twice = module(tmp_path, f"{_RULE}\n{_RULE}")
    assert list(conflicts([twice])) == []
