"""The payloads inside a message of Temporal's, such as an event of a history."""

from collections.abc import Iterator

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload


def payloads(message: Message) -> Iterator[Payload]:
    """Yield every payload of `message`, however deep it stands."""
    if isinstance(message, Payload):
        yield message
        return
    for about, value in message.ListFields():
        if about.message_type is None:
            continue
        if about.message_type.GetOptions().map_entry:
            parts = list(value.values())
        else:
            parts = [value] if isinstance(value, Message) else list(value)
        for part in parts:
            if isinstance(part, Message):
                yield from payloads(part)
