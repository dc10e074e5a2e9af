"""One call of a tool through its adapter, and what it came to."""

import time
from collections.abc import Collection, Mapping

from activities.tools.registry import Tools
from remit.canonical import JSONObject
from remit.tool.call import Broken, Purpose, Refused, ToolAnswer, ToolCall, Unknown
from remit.tool.contract import ToolContract
from remit.tool.risk import Risk


async def ask(
    tools: Tools,
    contract: ToolContract,
    arguments: JSONObject | None = None,
    *,
    within_s: float = 20.0,
    key: str = "run-1:order:do",
    purpose: Purpose = "call",
    principal: Mapping[str, str] | None = None,
    data_classes: Collection[str] | None = (),
    risk: Risk | None = "low",
) -> ToolAnswer:
    """Call once."""
    call = ToolCall(
        contract=contract,
        arguments={} if arguments is None else arguments,
        step_key=key,
        deadline=time.monotonic() + within_s,
        purpose=purpose,
        principal=principal or {},
        data_classes=None if data_classes is None else frozenset(data_classes),
        risk=risk,
    )
    return await tools.adapter(contract)(call)


def code(given: ToolAnswer) -> str:
    """Return the code of what is no success."""
    return given.code if isinstance(given, Refused | Unknown | Broken) else ""
