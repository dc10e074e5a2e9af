"""Payloads as Temporal keeps them: nothing readable, nothing lost, keys that follow each other."""

import base64
import os
import secrets
from dataclasses import replace

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError

from remit.client.codec import ENCODING, SealingCodec, load_codec, prove, unseal, with_codec
from remit.client.connection import sealing
from remit.client.errors import ClientError
from workers.builder import DATA_CONVERTER, workflow_runner
from workers.sandbox import ContextFreeSandbox

SECRET = "planted-4711"
OLD, NEW = secrets.token_hex(32), base64.b64encode(secrets.token_bytes(32)).decode()
KEYS = {"OLD": OLD, "NEW": NEW}


def codec(references: str = "env:NEW,env:OLD") -> SealingCodec:
    """Return a codec of these keys."""
    found = load_codec(references, KEYS)
    assert found is not None
    return found


async def sealed(references: str) -> Payload:
    """Return a secret as it is sent with these keys."""
    (sent,) = await with_codec(pydantic_data_converter, codec(references)).encode([{"a": SECRET}])
    return sent


async def test_what_is_sent_cannot_be_read_and_comes_back() -> None:
    """Twice the same value is never twice the same; the key's id is told, the key is not."""
    sent = [await sealed("env:NEW") for _ in range(2)]

    told = sent[0].SerializeToString()
    assert SECRET.encode() not in told
    assert sent[0].data != sent[1].data
    assert sent[0].metadata["encoding"] == ENCODING
    assert base64.b64decode(NEW) not in told
    assert await with_codec(pydantic_data_converter, codec()).decode(sent, [dict, dict]) == [
        {"a": SECRET},
        {"a": SECRET},
    ]


async def test_keys_follow_each_other() -> None:
    """The first encrypts, all decrypt; `plain` ends it; without its key nothing is guessed."""
    converter = with_codec(pydantic_data_converter, codec("env:NEW,env:OLD"))
    (plain,) = await pydantic_data_converter.encode([SECRET])
    old, new = await sealed("env:OLD"), (await converter.encode([SECRET]))[0]
    assert await converter.decode([old, new, plain]) == [{"a": SECRET}, SECRET, SECRET]
    assert old.metadata["encryption-key-id"] != new.metadata["encryption-key-id"]

    ended = with_codec(pydantic_data_converter, codec("plain,env:OLD"))
    assert await ended.encode([SECRET]) == [plain]
    assert await ended.decode([old]) == [{"a": SECRET}]
    with pytest.raises(ClientError, match="PAYLOAD-KEY"):
        await ended.decode([new])


async def test_an_altered_payload_is_refused() -> None:
    """Its body, or the key that it names."""
    sent = await sealed("env:OLD")
    touched = Payload(metadata=sent.metadata, data=sent.data[:-1] + bytes([sent.data[-1] ^ 1]))
    renamed = Payload(metadata=sent.metadata, data=sent.data)
    renamed.metadata["encryption-key-id"] = (await sealed("env:NEW")).metadata["encryption-key-id"]
    for payload in (touched, renamed, Payload(metadata=sent.metadata, data=b"")):
        with pytest.raises(ClientError, match="PAYLOAD-ALTERED"):
            await codec().decode([payload])


async def test_failures_are_hidden_too() -> None:
    """Message, stack trace, details and cause; the type stays, as what retries look at."""
    converter = with_codec(pydantic_data_converter, codec())
    failure = Failure()
    try:
        raise ApplicationError(SECRET, {"b": SECRET}, type="KNOWN") from ValueError(SECRET)
    except ApplicationError as error:
        await converter.encode_failure(error, failure)

    assert SECRET.encode() not in failure.SerializeToString()
    assert failure.application_failure_info.type == "KNOWN"
    back = await converter.decode_failure(failure)
    assert isinstance(back, ApplicationError)
    assert (back.message, back.details) == (SECRET, ({"b": SECRET},))


@pytest.mark.parametrize(
    ("references", "told"),
    [
        ("file:/nowhere/key", "cannot be read"),
        ("env:ABSENT", "holds no 32 bytes"),
        ("plain", "behind it stand"),
        (OLD, "not a reference"),
    ],
    # Workers of xdist must agree on names, and a key is another one in each.
    ids=["no file", "no variable", "nothing behind plain", "a key itself"],
)
def test_a_reference_that_leads_to_no_key_stops_everything(references: str, told: str) -> None:
    """Nothing is sent in plain instead, and no key stands in the message."""
    with pytest.raises(ClientError, match=told) as error:
        load_codec(references, KEYS)
    assert error.value.diagnostic.code == "PAYLOAD-KEY"
    assert OLD not in str(error.value)


async def test_a_canary_finds_a_converter_that_was_replaced() -> None:
    """As a plugin may do it: the whole converter, the codec alone, or only failures are left."""
    good = with_codec(pydantic_data_converter, codec())
    await prove(good)
    for bad in (
        pydantic_data_converter,
        replace(good, payload_codec=None),
        replace(good, failure_converter_class=DataConverter.default.failure_converter_class),
    ):
        with pytest.raises(ClientError, match="PAYLOAD-READABLE"):
            await prove(bad)


async def test_events_of_histories_are_opened_in_place() -> None:
    """Wherever in them payloads stand; what is not encrypted stays."""
    sent = await sealed("env:NEW")
    event = HistoryEvent(event_id=7)
    started = event.workflow_execution_started_event_attributes
    started.input.payloads.append(sent)
    started.memo.fields["m"].CopyFrom(sent)
    started.header.fields["h"].CopyFrom(Payload(data=b"plain"))
    event.user_metadata.summary.CopyFrom(sent)

    await unseal(event, codec())

    assert started.input.payloads[0].data == f'{{"a":"{SECRET}"}}'.encode()
    assert started.memo.fields["m"] == event.user_metadata.summary == started.input.payloads[0]
    assert started.header.fields["h"].data == b"plain"


def test_it_costs_nothing_where_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same converter; and where it is on, workflows keep the faster sandbox."""
    assert sealing(DATA_CONVERTER, " ") is DATA_CONVERTER
    monkeypatch.setitem(os.environ, "NEW", NEW)
    on = sealing(DATA_CONVERTER, "env:NEW")
    assert on.payload_converter_class is DATA_CONVERTER.payload_converter_class
    assert isinstance(workflow_runner(on), ContextFreeSandbox)
