"""`remit tools check` and `verify` with consumers: read, refused, and what an ending says."""

import json
from pathlib import Path

import pytest

from remit.canonical import JSON, JSONObject
from remit.cli.contracts.judging import Came, judged
from remit.client.outcome import Outcome
from remit.plan.expecting import Trial, trials
from remit.plan.wire import Residue
from remit.tool.catalogue import Catalogue
from tests.cli.conftest import Command
from tests.cli.test_cli_contracts import tickets, write
from tests.docs.pages import blocks
from tests.plan.test_expecting import DROP, MAKE, READS, consumer, expecting
from tests.tool.contracts import reading

__all__ = ["tickets"]

ROOT = Path(__file__).parents[2]
EXPECTED: JSONObject = {
    "consumer": "board",
    "owner": "team:board",
    "agent": "board-agent@1.0.0",
    "on_behalf_of": "clerk@acme.example",
    "tenant": "acme",
    "expects": [{"tool": "desk.get@1", "reads": READS, "examples": [{"args": {"id": "t-1"}}]}],
}


def state(folder: Path, **changes: JSON) -> Path:
    """Write down what the consumer expects; return the file."""
    file = folder / "expectations" / "board.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(EXPECTED | changes))
    return file


def test_a_change_that_breaks_a_consumer_is_named(remit: Command, tickets: Path) -> None:
    """With the consumer, its file and the place in it; no baseline is needed."""
    state(tickets)
    assert remit("tools", "check", "--project", tickets).code == 0
    write(tickets, version="1.1.0", output_schema={"type": "object"})

    ran = remit("tools", "check", "--project", tickets, "--json")
    told = remit("tools", "check", "--project", tickets).out

    assert ran.code == 1
    assert set(ran.codes) == {"EXPECTATION-ANSWER"}
    assert ran.document["consumers"] == ["board"]
    assert "EXPECTATION-ANSWER  expectations/board.json#/expects/0/reads/required" in told
    assert "board reads what desk.get@1 (1.1.0) does not promise" in told


def test_expectations_may_lie_elsewhere(remit: Command, tickets: Path, tmp_path: Path) -> None:
    """A producer names the folders of its consumers; its own is not read then."""
    other = tmp_path / "board"
    other.mkdir()
    state(other, expects=[{"tool": "desk.find@1"}])
    place = other / "expectations"

    ran = remit("tools", "check", "--expectations", place, "--project", tickets, "--json")
    missing = remit("tools", "check", "--expectations", other / "x", "--project", tickets, "--json")

    assert (ran.code, ran.codes) == (1, ["EXPECTATION-TOOL"])
    assert (missing.code, missing.codes) == (2, ["FILE-UNREADABLE"])


def test_nothing_to_hold_contracts_against_is_wrong_usage(remit: Command, tickets: Path) -> None:
    """Neither a baseline nor a consumer: a check that always passes would be none."""
    ran = remit("tools", "check", "--project", tickets, "--json")

    assert (ran.code, ran.codes) == (2, ["CLI-USAGE"])


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"consumer": "Board!"}, "/consumer"),
        ({"expects": []}, "/expects"),
        ({"extra": 1}, "/extra"),
        ({"expects": [{"tool": "desk.get"}]}, "/expects/0/tool"),
        ({"expects": [{"tool": "desk.get@1", "version": "^1.2"}]}, "/expects/0/version"),
        ({"expects": [{"tool": "desk.get@1", "reads": {"type": "text"}}]}, "/expects/0/reads"),
        (
            {"expects": [{"tool": "desk.get@1", "reads": {"$ref": "file:///etc/passwd"}}]},
            "/expects/0/reads",
        ),
    ],
)
def test_what_is_no_expectation_is_said_so(
    remit: Command, tickets: Path, changes: JSONObject, place: str
) -> None:
    """An expectation that is not understood is never passed over."""
    state(tickets, **changes)

    ran = remit("tools", "check", "--project", tickets, "--json")

    assert (ran.code, set(ran.codes)) == (1, {"EXPECTATION-SHAPE"})
    assert f"expectations/board.json#{place}" in ran.out


@pytest.mark.parametrize("names", [["nobody"], []])
def test_verify_needs_somebody_who_expects_something(
    remit: Command, tickets: Path, names: list[str]
) -> None:
    """Of no consumer, or of none of that name, there is nothing to try."""
    if names:
        state(tickets)

    ran = remit("tools", "verify", *names, "--project", tickets, "--json")

    assert (ran.code, ran.codes) == (2, ["EXPECTATION-UNKNOWN"])


def test_verify_makes_no_call_that_it_must_not_make(remit: Command, tickets: Path) -> None:
    """With writes and unfit calls alone it asks for no stack, and says what it left out."""
    write(tickets, operation="write", irreversible=True)
    examples: list[JSON] = [{"args": {"id": "t-1"}}, {"args": {"id": 5}}]
    state(tickets, expects=[{"tool": "desk.get@1", "examples": examples}])

    ran = remit("tools", "verify", "--project", tickets, "--json")

    assert (ran.code, ran.codes) == (1, ["EXPECTATION-ARGUMENTS"])
    left = ran.document["left_out"]
    assert isinstance(left, list)
    assert ran.document["tried"] == []
    assert ["no `sandbox`" in str(one["told"]) for one in left if isinstance(one, dict)] == [
        True,
        True,
    ]


def test_the_back_office_is_as_its_consumers_expect(remit: Command) -> None:
    """The example's expectations are met by its contracts, and its own check says so."""
    ran = remit("tools", "check", "--project", ROOT / "examples" / "backoffice", "--json")

    assert ran.code == 0
    assert ran.document["consumers"] == ["nightly-report", "purchase"]


def test_the_page_shows_a_file_that_is_read(remit: Command, tickets: Path) -> None:
    """What docs/contracts.md shows is understood as it stands there."""
    (shown,) = [
        block.text
        for block in blocks(ROOT / "docs" / "contracts.md")
        if block.text.startswith("consumer:")
    ]
    state(tickets).with_suffix(".yaml").write_text(shown)

    ran = remit("tools", "check", "--project", tickets, "--json")

    assert ran.document["consumers"] == ["board", "nightly-report"]
    assert set(ran.codes) == {"EXPECTATION-TOOL"}


def trial(refused: JSONObject | None = None) -> Trial:
    """Return a trial of a read."""
    example: JSONObject = {"args": {"id": "a"}, "refused": refused}
    (made,) = trials(consumer(expecting(examples=[example])), Catalogue.of([reading()]))
    return made


def in_sandbox() -> Trial:
    """Return a trial of a write."""
    asked: JSONObject = {"tool": "shop.make@1", "reads": READS, "examples": [{"args": {"id": "a"}}]}
    (made,) = trials(consumer(asked, sandbox="playground"), Catalogue.of([MAKE, DROP]))
    return made


def came(status: str, *, output: JSON = None, **end: object) -> Came:
    """Return how a run ended."""
    made = Outcome.model_validate({"status": status, **end})
    return Came(made, status, "remit/x", output=output)


GONE = {"code": "TOOL-REFUSED", "step": "call", "reason": "shop.get@1 answered 404: NO_THING"}
BACK = {"code": "REQUIRE-FALSE", "step": "take_back"}
LEFT = Residue(
    path="call", tool="shop.drop@1", code="UNDO-FAILED", reason="it does not go", owner="team:till"
)


@pytest.mark.parametrize(
    ("tried", "ended", "codes"),
    [
        (trial(), came("completed", output={"id": "a", "more": 1}), []),
        (trial(), came("completed", output={"id": 7}), ["EXPECTATION-DRIFT"]),
        (trial(), came("failed", **GONE), ["EXPECTATION-DRIFT"]),
        (trial(), came("refused", code="agent.scope"), ["EXPECTATION-NOT-TRIED"]),
        (trial(), Came(None, "awaiting_approval", "x", "gate of boss"), ["EXPECTATION-NOT-TRIED"]),
        (trial({"says": "NO_THING"}), came("failed", **GONE), []),
        (trial({"says": "AWAY"}), came("failed", **GONE), ["EXPECTATION-DRIFT"]),
        (trial({"code": "SHOP-AWAY"}), came("failed", **GONE), ["EXPECTATION-DRIFT"]),
        (trial({}), came("completed", output={"id": "a"}), ["EXPECTATION-DRIFT"]),
        (in_sandbox(), came("failed", output={"id": "a"}, **BACK), []),
        (in_sandbox(), came("failed", output=None, **BACK), ["EXPECTATION-DRIFT"]),
        (
            in_sandbox(),
            came("failed", output={"id": "a"}, residue=[LEFT], **BACK),
            ["EXPECTATION-LEFT"],
        ),
        (in_sandbox(), Came(None, "needs_repair", "x"), ["EXPECTATION-LEFT"]),
        (in_sandbox(), Came(None, "awaiting_approval", "x"), ["EXPECTATION-NOT-TRIED"]),
    ],
)
def test_what_an_ending_says_of_the_service(tried: Trial, ended: Came, codes: list[str]) -> None:
    """Drift is the service's; what was not called, or not undone, is told apart from it."""
    assert [one.code for one in judged(tried, ended)] == codes


def test_a_difference_does_not_repeat_what_the_service_said() -> None:
    """It may be personal; place and rule are told."""
    (one,) = judged(trial(), came("completed", output={"id": ["MARK"]}))

    assert "at /id" in one.message
    assert "MARK" not in one.message + one.hint
