"""Probes and read-backs: reads that Remit itself makes to learn what happened.

They are actions like any other: decided with their purpose, recorded, never gated.
"""

import time
from dataclasses import replace

from remit.canonical import JSON, JSONObject
from remit.enforcement.deciding import Deciding, decision_record, facts_of, recorded
from remit.enforcement.judging import ReadBack
from remit.enforcement.opa import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.pinned import Pinned
from remit.enforcement.sending import Send
from remit.enforcement.subject import Subject
from remit.ledger.protocol import Ledger
from remit.tool.call import Happened, Purpose, ToolAnswer, ToolCall, Unknown
from remit.tool.contract import Probe
from remit.tool.template import TemplateError, fill


class Reading:
    """Asks tools what happened."""

    def __init__(self, ledger: Ledger, pinned: Pinned, deciding: Deciding) -> None:
        """Record in `ledger`, ask policy through `deciding`."""
        self._ledger = ledger
        self._pinned = pinned
        self._deciding = deciding

    def probe(self, subject: Subject, send: Send) -> Send:
        """Return a sender that asks whether the subject's call happened."""

        async def ask(call: ToolCall) -> ToolAnswer:
            probe = subject.contract.probe
            if probe is None:
                return Unknown("PROBE-ABSENT", "the contract names no probe")
            return await self._read(subject, probe, {}, "probe", call, send)

        return ask

    def back(self, send: Send) -> ReadBack:
        """Return a reader that tells how the world disagrees with an answer."""

        async def read(subject: Subject, output: JSON) -> str:
            probe = subject.contract.read_back
            if probe is None:
                return ""
            call = ToolCall(subject.contract, subject.arguments, str(subject.key), 0)
            call = replace(call, deadline=_deadline(subject), principal=subject.principal)
            values: JSONObject = {"output": output}
            answer = await self._read(subject, probe, values, "read_back", call, send)
            if isinstance(answer, Happened):
                return ""
            return f"read-back by {probe.tool} says: {type(answer).__name__.lower()}"

        return read

    async def _read(
        self,
        subject: Subject,
        probe: Probe,
        more: JSONObject,
        purpose: Purpose,
        call: ToolCall,
        send: Send,
    ) -> ToolAnswer:
        digest = subject.plan.contracts.get(probe.tool)
        if digest is None:
            return Unknown("PROBE-ABSENT", f"{probe.tool} is not pinned in the plan")
        contract = await self._pinned.contract(digest)
        values: JSONObject = {"args": subject.arguments, "step_key": str(subject.key), **more}
        try:
            arguments = fill(probe.args, values)
        except TemplateError as error:
            return Unknown("PROBE-ARGUMENTS", str(error))
        asked = replace(
            subject,
            contract=contract,
            contract_digest=digest,
            arguments=arguments if isinstance(arguments, dict) else {},
            purpose=purpose,
            inflow=sorted({*subject.inflow, *subject.contract.data_classes}),
        )
        refusal = await self._decide(asked)
        if refusal:
            return Unknown("PROBE-DENIED", refusal)
        return await send(
            replace(call, contract=contract, arguments=asked.arguments, purpose=purpose)
        )

    async def _decide(self, asked: Subject) -> str:
        situation = await self._ledger.look(asked.key)
        try:
            decided = await self._deciding.call(asked, situation)
        except (PolicyUnavailableError, PolicyInvalidError) as error:
            return str(error)
        record = decision_record(asked, recorded(decided), [facts_of(decided)], asked.purpose)
        await self._ledger.append(asked.run.root, [record])
        return "" if decided.decision.effect == "allow" else "policy denies the read"


def _deadline(subject: Subject) -> float:
    return time.monotonic() + subject.timeout_s
