"""`remit validate`: what it finds, how it says so, what it returns to the shell."""

import io
import json
import sys
from pathlib import Path

import pytest

from remit.canonical import JSONObject
from remit.cli.compiling import Workshop
from remit.plan.contract import MAX_PLAN_BYTES
from remit.plan.document import read_document
from tests.cli.conftest import Command


def written(folder: Path, content: str | bytes, name: str = "tried.json") -> Path:
    """Write a plan's file."""
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def found(remit: Command, file: Path) -> tuple[int, list[str]]:
    """Return the exit code, and the codes of one file's diagnostics."""
    ran = remit("validate", file, "--json")
    files = ran.document["files"]
    assert isinstance(files, list)
    first = files[0]
    assert isinstance(first, dict)
    diagnostics = first["diagnostics"]
    assert isinstance(diagnostics, list)
    return ran.code, [str(each["code"]) for each in diagnostics if isinstance(each, dict)]


def test_a_good_plan_is_named_and_pinned(remit: Command, hello: Path) -> None:
    """Name, version, steps and digest of a plan that passes; exit code 0."""
    ran = remit("validate", hello)

    assert ran.code == 0
    assert "ok, hello 1.0.0, 2 steps, sha256:" in ran.out


def test_findings_have_place_message_and_hint(remit: Command, notes: Path, hello: Path) -> None:
    """A finding names code and pointer, says what is wrong and what to do; exit code 1."""
    text = hello.read_text().replace("notes.read_note@1", "notes.raed_note@1")

    ran = remit("validate", written(notes, text, "tried.yaml"))

    assert ran.code == 1
    assert "PLAN-UNKNOWN-TOOL  /steps/1/tool" in ran.out
    assert "→" in ran.out


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "PLAN-NOT-JSON"),
        (b"{", "PLAN-NOT-JSON"),
        (b'{"a": 1, "a": 2}', "PLAN-DUPLICATE-KEY"),
        (b"\xff\xfe{}", "PLAN-NOT-JSON"),
        (b"[" * 100_000, "PLAN-TOO-DEEP"),
        (b'{"a": "' + b"x" * MAX_PLAN_BYTES + b'"}', "PLAN-TOO-LARGE"),
        (b'{"schema": "remit.plan/v2"}', "PLAN-SCHEMA-VERSION"),
        (b"[]", "PLAN-SHAPE"),
    ],
    ids=["empty", "cut", "twice", "utf16", "deep", "huge", "other", "list"],
)
def test_what_is_no_plan_is_a_finding(
    remit: Command, notes: Path, content: bytes, code: str
) -> None:
    """Whatever a file holds, there is a coded finding and exit code 1, never a traceback."""
    exit_code, codes = found(remit, written(notes, content))

    assert (exit_code, code in codes) == (1, True), codes


@pytest.mark.parametrize("content", ["a: [", "a: &x 1\nb: *x", "!!python/object:os.system {}"])
def test_yaml_is_read_as_plain_json(remit: Command, notes: Path, content: str) -> None:
    """Broken YAML, aliases and tags are findings; nothing is unfolded or built."""
    exit_code, codes = found(remit, written(notes, content, "tried.yaml"))

    assert (exit_code, codes) == (1, ["PLAN-NOT-JSON"])


def test_a_file_that_cannot_be_read_is_wrong_usage(remit: Command, notes: Path) -> None:
    """A folder, or a name that leads nowhere, gives exit code 2; other files are still checked."""
    ran = remit("validate", notes / "plans", notes / "plans" / "hello.yaml", "--json")

    files = ran.document["files"]
    assert isinstance(files, list)
    assert ran.code == 2
    assert [each["ok"] for each in files if isinstance(each, dict)] == [False, True]
    assert found(remit, notes / "absent.json") == (2, ["FILE-UNREADABLE"])


def test_standard_input_is_a_plan_too(
    remit: Command, notes: Path, hello: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-` reads what is piped in, JSON or YAML."""
    document = read_document(hello.read_bytes(), "hello.yaml")
    for text in (hello.read_bytes(), json.dumps(document).encode()):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))

        assert remit("validate", "-", "--project", notes).code == 0


def test_the_codes_are_admissions_own(remit: Command, notes: Path, hello: Path) -> None:
    """What `validate` reports is what the compiler that admission uses reports."""
    document = read_document(hello.read_bytes(), "hello.yaml")
    assert isinstance(document, dict)
    steps = document["steps"]
    assert isinstance(steps, list)
    wrong: JSONObject = {**document, "steps": [*steps, *steps], "nme": 1}
    compilation = Workshop.of(notes).compile(wrong)

    _, codes = found(remit, written(notes, json.dumps(wrong)))

    assert codes == [each.code for each in compilation.diagnostics]
    assert codes


def test_a_plan_cannot_paint_on_the_terminal(remit: Command, notes: Path, hello: Path) -> None:
    """Control characters and direction marks of a plan are spelt out, not obeyed."""
    plan = read_document(hello.read_bytes(), "hello.yaml")
    assert isinstance(plan, dict)
    plan["\x1b[2J\u202eok"] = 1

    out = remit("validate", written(notes, json.dumps(plan))).out

    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\u001b[2J\\u202eok" in out


def test_what_a_tool_prints_stays_out_of_the_answer(
    remit: Command, notes: Path, hello: Path
) -> None:
    """A project's module that prints while it is imported does not spoil the JSON."""
    tools = notes / "tools" / "notes.py"
    tools.write_text(tools.read_text() + "\nprint('loaded')\n")

    ran = remit("validate", hello, "--json")

    assert ran.document["ok"] is True
    assert "loaded" in ran.err


def test_faults_of_the_tools_come_first(remit: Command, notes: Path, hello: Path) -> None:
    """With tools that cannot be read no plan is checked; their faults are the findings."""
    (notes / "tools" / "broken.yaml").write_text("name: notes.x\n")

    ran = remit("validate", hello, "--json")

    assert (ran.code, set(ran.codes)) == (1, {"TOOL-SHAPE"})


def test_a_sub_plan_is_checked_by_itself(remit: Command, notes: Path, hello: Path) -> None:
    """With `--part` its inputs are the caller's; without, their absence is a finding."""
    required = (
        "inputs: {}\ninputs_schema:\n  type: object\n  required: [name, text]\n"
        "  properties: {name: {type: string, pattern: '^[a-z][a-z0-9-]{0,39}$'},"
        " text: {type: string, minLength: 1, maxLength: 2000}}\n"
    )
    head, _, rest = hello.read_text().partition("inputs:\n")
    text = head + required + rest.partition("\n\n")[2]
    file = written(notes, text, "part.yaml")

    assert remit("validate", file).code == 1
    assert remit("validate", file, "--part").code == 0


PART = """
schema: remit.plan/v1
name: part
version: 1.0.0
goal: Keep what the caller says
agent: note-taker@1.0.0
on_behalf_of: you@example.org
tenant: home
owner: team:home
inputs_schema:
  type: object
  required: [text]
  properties: {text: {type: string, minLength: 1, maxLength: 2000}}
steps:
  - id: write
    tool: notes.write_note@1
    args: {name: part, text: "${inputs.text}"}
"""


def with_part(notes: Path, hello: Path) -> Path:
    """Put a sub-plan into the catalogue, which another plan uses; return its file."""
    own = read_document(hello.read_bytes(), "hello.yaml")
    assert isinstance(own, dict)
    head = {name: own[name] for name in ("agent", "on_behalf_of", "tenant", "owner")}
    part = read_document(PART.encode(), "part.yaml")
    assert isinstance(part, dict)
    whole: JSONObject = {
        **{name: part[name] for name in ("schema", "version", "goal")},
        **head,
        "name": "whole",
        "steps": [{"id": "part", "plan": "part@1.0.0", "args": {"text": "kept"}}],
    }
    (notes / "plans" / "whole.json").write_text(json.dumps(whole))
    file = notes / "plans" / "part.json"
    file.write_text(json.dumps({**part, **head}))
    return file


def test_a_part_of_the_catalogue_is_known_for_one(remit: Command, notes: Path, hello: Path) -> None:
    """Without inputs of its own it is no plan to start, but nothing is wrong with it."""
    file = with_part(notes, hello)

    ran = remit("validate", file, notes / "plans" / "whole.json")

    assert ran.code == 0, ran.out
    assert "a part of whole@1.0.0" in ran.out
    assert remit("graph", file).out.startswith("flowchart TD\n")
    assert remit("run", file, "--json").codes == ["PLAN-INPUTS"]


def test_a_part_with_a_fault_is_none(remit: Command, notes: Path, hello: Path) -> None:
    """Being a part excuses missing inputs, and nothing else."""
    file = with_part(notes, hello)
    file.write_text(file.read_text().replace("notes.write_note@1", "notes.wriet_note@1"))

    assert found(remit, file) == (1, ["PLAN-UNKNOWN-TOOL"])
