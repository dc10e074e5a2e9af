"""What a run makes of messages that anybody may send it, and how it shows what they wrote."""

import json
import shlex

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.contrib.pydantic import pydantic_data_converter

from remit.approval.messages import Spoilt, read_vote
from remit.canonical import JSON, JSONObject, canonical
from remit.plan.deskwire import Message, Votes
from workflows.display import plain, waits_markdown
from workflows.messages import MAX_MESSAGE_BYTES, read_document, read_payload, storable
from workflows.scope import Wait, WaitChanged
from workflows.waits import signal_command

DEEP = b"[" * 300 + b"]" * 300
ODD = {
    "half a surrogate pair": rb'{"step": "s", "by": "\ud800"}',
    "as a name": rb'{"\ud800": 1}',
    "deep": b'{"step": "s", "by": "b", "args": ' + DEEP + b"}",
    "a large integer": b'{"step": "s", "by": "b", "args": {"n": 12345678901234567890}}',
    "a very large one": b'{"step": "s", "by": "b", "n": ' + b"9" * 5000 + b"}",
    "no number": b'{"step": "s", "by": "b", "args": {"n": NaN}}',
    "infinite": b'{"step": "s", "by": "b", "args": {"n": 1e999}}',
    "U+0000": rb'{"step": "s", "by": "b", "comment": "a\u0000b"}',
    "no JSON": b'{"step": \x00\xff',
    "a text": b'"yes"',
    "a list": b"[1, 2]",
    "nothing": b"",
    "large": json.dumps({"step": "s", "by": "b", "comment": "c" * (1 << 20)}).encode(),
}

WAIT: JSONObject = {"id": "x", "kind": "gate", "step": "s", "role": "r", "reason": ""}


def raw(data: bytes) -> RawValue:
    """Return what Temporal hands over."""
    return RawValue(Payload(data=data))


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_whatever_comes_can_be_sent_on_and_is_recorded_as_no_vote(data: bytes) -> None:
    """It travels to an activity, has a canonical form for the ledger, and its refusal is small."""
    payload = read_payload(raw(data), "approve")

    message = Message(name="approve", payload=payload, event="e")
    votes = Votes(root="r", workflow_id="w", messages=[message])
    sent = pydantic_data_converter.payload_converter.to_payloads([votes])
    read = read_vote("approve", payload, "", None, None, 0)
    assert pydantic_data_converter.payload_converter.from_payloads(sent, [Votes]) == [votes]
    assert isinstance(read, Spoilt)
    assert read.code == "VOTE-MALFORMED"
    recorded = canonical({**read.body, "reason": read.reason})
    assert len(recorded) < 2000
    assert "\0" not in f"{read.reason}{read.body}"


def test_what_is_sound_is_read_as_it_is() -> None:
    """Also what only looks like the character that cannot be kept, and the longest that is read."""
    for body in ({"by": r"a\u0000b"}, {"by": "Ünal \N{GRINNING FACE}", "n": 2**53 - 1}):
        assert read_payload(raw(json.dumps(body).encode())) == body
    longest = json.dumps("c" * (MAX_MESSAGE_BYTES - 2)).encode()
    assert read_payload(raw(longest)) == "c" * (MAX_MESSAGE_BYTES - 2)
    assert read_payload(raw(longest + b" ")) == f"{MAX_MESSAGE_BYTES + 1} bytes: larger than 65536"


@pytest.mark.parametrize("data", [DEEP, rb'{"goal": "\ud800"}'], ids=["deep", "surrogate"])
def test_a_plan_that_cannot_travel_is_a_text(data: bytes) -> None:
    """Admission refuses it; nothing else could be sent there."""
    document = read_document(raw(data))

    assert isinstance(document, str)
    assert pydantic_data_converter.payload_converter.to_payloads([document])


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "junk",
        {"wait": {}, "open": True},
        {"wait": {**WAIT, "due_ms": 10**18}, "open": True},
        {"wait": {**WAIT, "due_ms": -1}, "open": True},
    ],
)
def test_a_childs_signal_that_is_none_is_told_apart(payload: JSON) -> None:
    """Anybody may send one; it must not fail the workflow task, which would be tried for ever."""
    assert WaitChanged.read(payload) is None


def test_an_updates_id_can_be_kept() -> None:
    """Whoever sends an update names it; the name stands in the ledger."""
    assert storable("update:a\0b") == "update:a\N{REPLACEMENT CHARACTER}b"


def test_what_people_write_is_shown_as_text() -> None:
    """Neither HTML nor a link nor a heading comes out of a comment."""
    written = 'no <script>alert(1)</script>\n\n# Approved\n[here](http://evil.example "x") `rm`'

    shown = plain(written)

    assert "\n" not in shown
    for mark in ("<", ">", "#", "[", "]", "`"):
        assert shown.count(mark) == shown.count(f"\\{mark}") > 0
    assert plain("vote.role_missing: VOTE-LATE, 3.5 %") == "vote.role_missing: VOTE-LATE, 3.5 %"


def test_a_run_named_by_somebody_else_puts_nothing_into_the_shell() -> None:
    """The command is one to copy: the id of the run is one word of it, whatever it holds."""
    evil = "x'; touch /tmp/owned; echo '```\n# Approve"

    command = signal_command(evil, "approve", {"step": "it's"})

    words = shlex.split(command)
    assert (words[4], json.loads(words[8])) == (evil, {"step": "it's"})
    assert len(words) == 9


def test_a_gates_details_give_yes_and_no_and_name_the_rest() -> None:
    """Both commands are complete; the block stays one whatever the run is called."""
    command = signal_command("```w", "approve", {"step": "order", "digest": "d", "by": "YOU"})
    wait = Wait(
        id="order#1", kind="gate", step="order", role="holder", reason="<b>", due_ms=1000,
        digest="d", command=command,
    )  # fmt: skip

    title, reason, block, further = waits_markdown("```w", {"order#1": wait})

    assert title == "### `order` waits for **holder**, until 1970-01-01T00:00:01Z; silence refuses"
    assert reason == r"\<b\>"
    fence, yes, no, end = block.splitlines()
    assert (fence, end, yes) == ("````", "````", command)
    assert shlex.split(no)[4:7] == ["```w", "--name", "reject"]
    assert json.loads(shlex.split(no)[8]) == {
        "step": "order", "digest": "d", "by": "YOU", "comment": "…",
    }  # fmt: skip
    assert further == (
        "Also: `edit`, `request_changes`, `take_over`, `claim`, `release`, `delegate`"
    )
