"""`remit policy check`, and what `build` refuses with it (real OPA)."""

from pathlib import Path

import pytest

from remit.cli.stack.layout import Layout
from remit.cli.stack.signing import keep_key
from tests.cli.conftest import Command

pytestmark = pytest.mark.opa
_TOPIC = """package remit.domains.notes.more

import rego.v2

import data.remit.lib

"""


def more(notes: Path, text: str, name: str = "more.rego") -> Path:
    """Add a topic to the project's domain."""
    file = notes / "policies" / "domains" / "notes" / name
    file.write_text(_TOPIC + text)
    return file


def test_a_sound_folder_is_told_so_with_its_tests(remit: Command, notes: Path) -> None:
    """The scaffold's own: nothing is found, five tests ran, and nothing is in force."""
    ran = remit("policy", "check", "--project", notes, "--json")

    assert (ran.code, ran.document["tests"], ran.document["diagnostics"]) == (0, 5, [])
    assert str(ran.document["revision"]).startswith("sha256:")
    assert not Layout(notes).state.exists()


@pytest.mark.parametrize(
    ("rule", "meanings"),
    [
        (
            'denies contains lib.reason("notes.scoped", "domains.notes.more", "no") if {\n'
            '\tinput.action.tool == "notes.write_note@1"\n}\n',
            ("notes.scoped both permits and refuses", "notes.scoped is said by two packages"),
        ),
        (
            'gates contains lib.gate("notes.more", "domains.notes.more", lib.rule("notes", "gate")'
            ', "ask") if input.action.irreversible\n\n'
            'gates contains lib.gate("notes.more", "domains.notes.more", lib.rule("notes", "other")'
            ', "ask") if input.action.rollback\n',
            ("notes.more asks two roles",),
        ),
        (
            'denies contains lib.reason("egress.host", "domains.notes.more", "no") if {\n'
            '\tinput.action.tool == "notes.write_note@1"\n}\n',
            ("egress.host is said by two packages",),
        ),
    ],
    ids=["permits-and-refuses", "two-roles", "a-code-of-the-core"],
)
def test_rules_that_fight_are_told_and_not_built(
    remit: Command, notes: Path, tmp_path: Path, rule: str, meanings: tuple[str, ...]
) -> None:
    """A code that means two things is named with both places, and no bundle is made of it."""
    more(notes, rule)
    layout = Layout(notes)
    layout.create()
    keep_key(layout.policy_key, "dev")
    bundle = tmp_path / "bundle.tar.gz"

    checked = remit("policy", "check", "--project", notes, "--json")
    built = remit("policy", "build", "-o", bundle, "--project", notes, "--json")

    assert (checked.code, set(checked.codes)) == (1, {"POLICY-CONFLICT"})
    assert all(meaning in checked.out for meaning in meanings)
    assert "more.rego:" in checked.out
    assert (built.code, built.codes, bundle.exists()) == (1, ["POLICY-CONFLICT"], False)


@pytest.mark.parametrize(
    ("owners", "said"),
    [
        ("* you@notes.example\n", ""),
        ("# nobody yet\n", "its owner is 'you@notes.example', and OWNERS names nobody"),
        ("* you@notes.example\ndomains/notes/* legal\n", "and OWNERS names legal"),
    ],
    ids=["theirs", "nobodys", "anothers"],
)
def test_rules_have_the_owner_that_the_project_names(
    remit: Command, notes: Path, tmp_path: Path, owners: str, said: str
) -> None:
    """The last line that fits holds; whoever is named nowhere owns nothing."""
    (notes / "policies" / "OWNERS").write_text(owners)
    layout = Layout(notes)
    layout.create()
    keep_key(layout.policy_key, "dev")

    checked = remit("policy", "check", "--project", notes, "--json")
    built = remit("policy", "build", "-o", tmp_path / "b", "--project", notes, "--json")

    assert (checked.codes, built.code) == (["POLICY-OWNER"] if said else [], 1 if said else 0)
    assert said in checked.out
    assert said in built.out


def test_all_findings_come_at_once(remit: Command, notes: Path) -> None:
    """A test that fails, one that ends in an error, a file in another format: each by its place."""
    more(
        notes,
        "test_no if 1 == 2\n\n"
        "_x := 1 if true\n_x := 2 if true\n\n"
        "test_neither if _x == 1\n\ntest_yes if 1 == 1\n",
        "more_test.rego",
    )

    ran = remit("policy", "check", "--project", notes, "--json")
    found = ran.document["diagnostics"]
    assert isinstance(found, list)

    told = {(one["code"], Path(str(one["path"])).name) for one in found if isinstance(one, dict)}
    assert (ran.code, ran.document["tests"]) == (1, 8)
    assert told == {
        ("POLICY-TEST-FAILED", "more_test.rego:7"),
        ("POLICY-TEST-FAILED", "more_test.rego:12"),
        ("POLICY-FORMAT", "more_test.rego"),
    }


def test_what_is_no_bundle_is_told_as_a_bundle_would(
    remit: Command, notes: Path, tmp_path: Path
) -> None:
    """The coded reason of the build; a candidate elsewhere is checked by its folder; no folder."""
    more(notes, 'denys contains lib.reason("notes.no", "domains.notes.more", "no") if input.run\n')
    unread = remit("policy", "check", notes / "policies", "--json")
    (notes / "policies" / "domains" / "notes" / "more.rego").unlink()
    more(notes, "this is no rego\n", "more_test.rego")
    unparsable = remit("policy", "check", notes / "policies", "--json")
    absent = remit("policy", "check", tmp_path / "nothing", "--json")

    assert (unread.code, unread.codes) == (1, ["POLICY-UNREAD-RULE"])
    assert (unparsable.code, unparsable.codes) == (1, ["POLICY-CHECK-FAILED"])
    assert "more_test.rego" in unparsable.out
    assert (absent.code, absent.codes) == (2, ["FILE-UNREADABLE"])
