"""`ProposePlan`: from a goal to a plan that would be admitted, in a bounded number of rounds.

Each round is one activity: policy, planner, compiler, dry run. What was proposed and what is wrong
with it stands in the ledger, so the workflow hands over nothing but the request and a number. It
starts no run: whoever wants the plan starts it, as anybody does.
"""

import asyncio

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSON, JSONObject
    from remit.plan import wire
    from remit.plan.proposal import Propose, Proposed
    from workflows.answers import diagnostics_of, failure_of
    from workflows.display import AGENT, OWNER, PLAN, STATUS, TENANT, plain
    from workflows.messages import read_document
    from workflows.options import propose_options

_EMPTY = RawValue(Payload())
_LONGEST = 200
_SHOWN_CODES = 5


@workflow.defn(name="ProposePlan")
class ProposePlan:
    """Have a plan proposed: `{"goal", "agent", "on_behalf_of", "tenant", "owner", …}`."""

    def __init__(self) -> None:
        """Be ready to be told who starts it."""
        self.phase = "proposing"
        self.submission: JSON = None
        """What came beside the request: `{"token": …}`, the proof of who asks."""
        self._rounds: list[Proposed] = []

    @workflow.run
    async def run(self, request: RawValue = _EMPTY) -> JSONObject:
        """Ask until a plan is good, or the planner was asked often enough."""
        document = read_document(request)
        self._begin(document)
        try:
            last = await self._ask(document, len(request.payload.data))
        except ActivityError as error:
            return self._refused(error)
        except asyncio.CancelledError:
            self._end("cancelled")
            raise
        if last.status == "proposed":
            self._end("proposed", last)
            return _outcome("proposed", last)
        self._end("failed", last)
        raise _failed(_outcome("failed", last, "PROPOSAL-EXHAUSTED"))

    async def _ask(self, document: JSON, size: int) -> Proposed:
        number = 0
        while True:
            number += 1
            ask = Propose(
                root=workflow.info().first_execution_run_id,
                document=document,
                size=size,
                round=number,
                submission=self.submission,
            )
            told: Proposed = await workflow.execute_activity(
                wire.PROPOSE,
                ask,
                result_type=Proposed,
                activity_id=f"round-{number}",
                summary=f"round {number}",
                **propose_options(),
            )
            self._rounds.append(told)
            workflow.set_current_details(self._details())
            if not told.more:
                return told
            if told.pause_s > 0:
                await workflow.sleep(told.pause_s, summary="the planner failed")

    def _begin(self, document: JSON) -> None:
        """Show who wants a plan, as they say it: nothing is known yet."""
        given = document if isinstance(document, dict) else {}
        updates = [STATUS.value_set(self.phase)]
        for key, name in ((AGENT, "agent"), (TENANT, "tenant"), (OWNER, "owner")):
            value = given.get(name)
            if isinstance(value, str) and 0 < len(value) <= _LONGEST:
                updates.append(key.value_set(value))
        workflow.upsert_search_attributes(updates)

    def _end(self, status: str, last: Proposed | None = None) -> None:
        self.phase = status
        updates = [STATUS.value_set(status)]
        if last is not None and last.status == "proposed":
            updates.append(PLAN.value_set(f"{last.name}@{last.version}"))
        workflow.upsert_search_attributes(updates)

    def _refused(self, error: ActivityError) -> JSONObject:
        """End as a proposal does that policy refuses, or that is none."""
        if is_cancelled_exception(error):
            self._end("cancelled")
            raise error
        failure = failure_of(error)
        kind = error.cause.type if isinstance(error.cause, ApplicationError) else ""
        status = {wire.DENIED: "refused", wire.INVALID: "invalid"}.get(kind or "", "failed")
        self._end(status)
        ended: JSONObject = {
            "status": status,
            "code": failure.code,
            "reason": failure.message,
            "rounds": len(self._rounds),
            **diagnostics_of(error),
        }
        if status != "refused":
            raise _failed(ended)
        return ended

    @workflow.query(name="rounds", description="What came of each round")
    def query_rounds(self) -> list[JSONObject]:
        """Return the rounds so far: status, verdict, and the codes of what was wrong."""
        return [
            {
                "round": each.round,
                "status": each.status,
                "plan": f"{each.name}@{each.version}" if each.name else "",
                "digest": each.digest,
                "verdict": each.verdict,
                "codes": [*_codes(each)],
            }
            for each in self._rounds
        ]

    def _details(self) -> str:
        lines = [f"# {self.phase}"]
        for each in self._rounds:
            said = f"`{each.name}@{each.version}`, {each.verdict}" if each.plan else ""
            codes = ", ".join(f"`{code}`" for code in _codes(each)[:_SHOWN_CODES])
            lines.append(f"- round {each.round} of {each.rounds}: {said or codes}")
            if each.diagnostics and each is self._rounds[-1]:
                lines += [f"  - {plain(str(one['message']))}" for one in each.diagnostics[:5]]
        return "\n".join(lines)


def _codes(told: Proposed) -> list[str]:
    return list(dict.fromkeys(str(one.get("code", "")) for one in told.diagnostics))


def _outcome(status: str, last: Proposed, code: str = "") -> JSONObject:
    """Return how a proposal ended: with its plan, or with what was wrong with the last one."""
    told = last.model_dump(mode="json", exclude={"status", "more", "pause_s", "total"})
    reason = f"the planner was asked {last.round} times, and no plan was good" if code else ""
    return {
        "status": status,
        "code": code,
        "reason": reason,
        **told,
        "diagnostics_total": last.total,
    }


def _failed(ended: JSONObject) -> ApplicationError:
    code = str(ended["code"])
    return ApplicationError(f"{code}: {ended['reason']}", ended, type=code, non_retryable=True)
