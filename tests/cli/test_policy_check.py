"""`make policy` refuses what a bundle would read another way than its tests."""

from pathlib import Path

import pytest

from remit.cli.policy.check import of_one_version

_RULE = "denies contains 1 if not input.a in input.b\n"


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        (f"package a.b\n\nimport rego.v2\n\n{_RULE}", True),
        ("# METADATA\n# title: no rules\npackage a\n", True),
        (f"package a.b\n\n{_RULE}", False),
        (f"package a.b\n\nimport rego.v1\n\n{_RULE}", False),
        (f"package a.b\n\n# import rego.v2\n{_RULE}", False),
    ],
)
def test_a_file_in_another_version_of_rego_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, passes: bool
) -> None:
    """Whatever has rules, a test too, imports `rego.v2`, or it is told by its name."""
    (tmp_path / "one_test.rego").write_text(text)

    assert of_one_version([tmp_path]) is passes
    assert ("one_test.rego" in capsys.readouterr().err) is not passes
