"""The generated files follow the models, and a check tells when they do not."""

import re
from pathlib import Path

import pytest

from remit.decision.capabilities import deterministic
from remit.decision.schema import artefacts, main


def test_writes_what_differs_and_then_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Into an empty folder everything is written; asked again, nothing is."""
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("wrote: ") == len(artefacts())

    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""


def test_check_writes_nothing_and_says_what_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An edited file is named, and left as it is."""
    main([str(tmp_path)])
    capsys.readouterr()
    edited = tmp_path / "lib" / "shape.rego"
    edited.write_text("package remit.lib.shape\n")

    assert main(["--check", str(tmp_path)]) == 1
    assert "shape.rego" in capsys.readouterr().out
    assert edited.read_text() == "package remit.lib.shape\n"


def test_what_opa_itself_calls_not_deterministic_is_removed_too() -> None:
    """Also a built-in that a later OPA brings."""
    builtins = [{"name": "plus"}, {"name": "new.oracle", "nondeterministic": True}]
    found = deterministic({"builtins": [*builtins], "allow_net": ["example.com"]})

    assert found == {"builtins": [{"name": "plus"}], "allow_net": []}


def test_something_else_than_capabilities_is_refused() -> None:
    """It says what was expected."""
    with pytest.raises(ValueError, match="opa capabilities"):
        deterministic({})


def test_no_pattern_is_dear_to_compile() -> None:
    """One counted class of all of Unicode's letters cost every process a tenth of a second."""
    texts = [text for name, text in artefacts().items() if name.endswith(".json")]
    patterns = [found[1] for text in texts for found in re.finditer(r'"pattern": "(.*)"', text)]

    assert len(patterns) > 10
    assert [p for p in patterns if re.search(r"\\\\[wW][^\[\]]*\]?\{\d*,?\d\d+\}", p)] == []
