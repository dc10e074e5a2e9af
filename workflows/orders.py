"""Orders that no run obeys by itself: `TendRun` about a run's contents, `StopCalls` about calls.

One order, one activity: it is judged by policy, recorded and carried out. The workflows hold
nothing but names.
"""

from typing import TypeVar

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSONObject
    from remit.plan import deskwire, wire
    from workflows.messages import read_payload
    from workflows.options import system_options

Done = TypeVar("Done", deskwire.Tended, deskwire.Answered)
_EMPTY = RawValue(Payload())


@workflow.defn(name="TendRun")
class TendRun:
    """Obey one order: `{"run": root chain id, "order", "by", "reason", …}`."""

    @workflow.run
    async def run(self, order: RawValue = _EMPTY) -> JSONObject:
        """Have the order judged and carried out; a refused one fails the workflow."""
        given, message = _read(order)
        ask = deskwire.TendOrder(run=str(given.get("run")), message=message)
        return await _obey(wire.TEND, ask, message, deskwire.Tended)


@workflow.defn(name="StopCalls")
class StopCalls:
    """Obey one order: `{"order": "stop" or "go", "what", "by", "reason", "undos"}`."""

    @workflow.run
    async def run(self, order: RawValue = _EMPTY) -> JSONObject:
        """Have the order judged and carried out; a refused one fails the workflow."""
        _, message = _read(order)
        return await _obey(
            wire.STOP, deskwire.StopOrder(message=message), message, deskwire.Answered
        )


def _read(order: RawValue) -> tuple[JSONObject, deskwire.Message]:
    if workflow.info().parent is not None:
        raise ApplicationError("it is top-level", type="RUN-PARENT", non_retryable=True)
    payload = read_payload(order)
    given = payload if isinstance(payload, dict) else {}
    event = f"start:{workflow.info().run_id}"
    return given, deskwire.Message(name=str(given.get("order")), payload=payload, event=event)


async def _obey(
    activity: str, ask: wire.Model, message: deskwire.Message, kind: type[Done]
) -> JSONObject:
    done: Done = await workflow.execute_activity(
        activity, ask, result_type=kind, summary=message.name[:100], **system_options()
    )
    if not done.taken:
        text = f"{done.code}: {done.reason}"
        raise ApplicationError(text, type=done.code, non_retryable=True)
    return done.model_dump(mode="json")
