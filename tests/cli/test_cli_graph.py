"""`remit graph`: where the drawing goes."""

from pathlib import Path

from tests.cli.conftest import Command


def test_mermaid_goes_to_stdout(remit: Command, hello: Path) -> None:
    """The text can be piped as it is."""
    ran = remit("graph", hello)

    assert ran.code == 0
    assert ran.out.startswith("flowchart TD\n")
    assert "s0 --> s1" in ran.out


def test_a_picture_goes_into_a_file(remit: Command, hello: Path, tmp_path: Path) -> None:
    """The file is a whole SVG document that names the steps."""
    target = tmp_path / "hello.svg"

    ran = remit("graph", hello, "--format", "svg", "--output", target, "--json")

    text = target.read_text()
    assert (ran.document["file"], ran.document["nodes"]) == (str(target), 2)
    assert text.startswith("<svg ")
    assert ">write</text>" in text
    assert ">check</text>" in text


def test_a_file_that_cannot_be_written_is_wrong_usage(
    remit: Command, hello: Path, tmp_path: Path
) -> None:
    """The refusal is coded and names the file."""
    ran = remit("graph", hello, "-o", tmp_path / "none" / "x.svg", "--json")

    assert (ran.code, ran.codes) == (2, ["FILE-UNWRITABLE"])


def test_what_is_no_plan_is_not_drawn(remit: Command, notes: Path) -> None:
    """The findings are those of `validate`."""
    file = notes / "broken.json"
    file.write_text("{}")

    ran = remit("graph", file, "--json")

    assert ran.code == 1
    assert "PLAN-SCHEMA-VERSION" in ran.codes or "PLAN-MISSING-FIELD" in ran.codes
