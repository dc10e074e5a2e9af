"""`TendRun`: what is to become of the contents of a run that is over.

One order, one activity: it is judged by policy, written into the run's chain and carried out. The
workflow holds nothing but names.
"""

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSONObject
    from remit.plan import wire
    from workflows.messages import read_payload
    from workflows.options import system_options

_EMPTY = RawValue(Payload())


@workflow.defn(name="TendRun")
class TendRun:
    """Obey one order: `{"run": root chain id, "order", "by", "reason", …}`."""

    @workflow.run
    async def run(self, order: RawValue = _EMPTY) -> JSONObject:
        """Have the order judged and carried out; a refused one fails the workflow."""
        if workflow.info().parent is not None:
            raise ApplicationError("it is top-level", type="RUN-PARENT", non_retryable=True)
        payload = read_payload(order)
        given = payload if isinstance(payload, dict) else {}
        message = wire.Message(
            name=str(given.get("order")),
            payload=payload,
            event=f"start:{workflow.info().run_id}",
        )
        tended: wire.Tended = await workflow.execute_activity(
            wire.TEND,
            wire.TendOrder(run=str(given.get("run")), message=message),
            result_type=wire.Tended,
            summary=message.name[:100],
            **system_options(),
        )
        if not tended.taken:
            text = f"{tended.code}: {tended.reason}"
            raise ApplicationError(text, type=tended.code, non_retryable=True)
        return tended.model_dump(mode="json")
