"""The workers' sandbox and data converter do what the SDK's do, with less work."""

import dataclasses
from collections.abc import Sequence
from typing import Self

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    DataConverter,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox._runner import _Instance

from tests.histories.test_replay import recorded, replayer
from workers.builder import workflow_runner
from workers.converter import DATA_CONVERTER, OnePayloadConverter
from workers.sandbox import ContextFreeSandbox, takes_context


class Codec(PayloadCodec):
    """A codec that is the same wherever it stands."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Leave payloads as they are."""
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Leave payloads as they are."""
        return list(payloads)


class Bound(Codec, WithSerializationContext):
    """A codec that wants to know whose payloads it has, as one that binds a key to a run does."""

    def with_context(self, context: SerializationContext) -> Self:
        """Return a codec for `context`."""
        return type(self)()


def coded(codec: PayloadCodec) -> DataConverter:
    """Return our converter with a codec."""
    return dataclasses.replace(DATA_CONVERTER, payload_codec=codec)


def test_a_converter_that_takes_a_context_gets_the_sdks_own_sandbox() -> None:
    """Contexts are left out only where nobody reads them."""
    assert type(workflow_runner()) is ContextFreeSandbox
    assert not takes_context(coded(Codec()))
    assert takes_context(coded(Bound()))
    assert type(workflow_runner(coded(Bound()))) is SandboxedWorkflowRunner


async def test_a_workflow_is_not_asked_for_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox runs no code for a context, and the recorded history replays all the same."""
    asked: list[object] = []
    monkeypatch.setattr(
        _Instance, "get_serialization_context", lambda _, about: asked.append(about)
    )

    result = await replayer().replay_workflow(recorded("completed"), raise_on_replay_failure=False)

    assert result.replay_failure is None
    assert asked == []


def test_there_is_one_payload_converter() -> None:
    """A run does not begin with an empty cache of types."""
    first = OnePayloadConverter()
    inside = first.converters

    assert OnePayloadConverter() is first
    assert first.converters is inside
