"""How a run looks from outside: search attributes, memo, and the Markdown of the web UI.

Search attributes and memo are readable with no worker alive, so they change only at the start, at
the end and with the waits: one upsert each, never per step (design.md §12).
"""

import re
from datetime import UTC, datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSONObject
    from remit.plan.wire import Admitted
    from workflows.messages import GATE_MESSAGES
    from workflows.scope import Wait
    from workflows.waits import reject_command

PLAN = SearchAttributeKey.for_keyword("RemitPlan")
STATUS = SearchAttributeKey.for_keyword("RemitStatus")
AGENT = SearchAttributeKey.for_keyword("RemitAgent")
TENANT = SearchAttributeKey.for_keyword("RemitTenant")
OWNER = SearchAttributeKey.for_keyword("RemitOwner")
RISK = SearchAttributeKey.for_keyword("RemitRisk")
AWAITS = SearchAttributeKey.for_keyword_list("RemitAwaits")

_SHOWN_WAITS = 20
_FURTHER = "Also: " + ", ".join(
    f"`{name}`" for name in GATE_MESSAGES if name not in ("approve", "reject")
)


class Display:
    """Remembers what was last shown, so that nothing is written twice."""

    def __init__(self) -> None:
        """Begin with nothing shown."""
        self._shown: tuple[str, list[str], JSONObject] = ("", [], {})

    def admitted(self, admitted: Admitted, status: str) -> None:
        """Show who acts and on what: the one upsert at the start."""
        workflow.upsert_search_attributes(
            [
                PLAN.value_set(f"{admitted.name}@{admitted.version}"),
                STATUS.value_set(status),
                AGENT.value_set(admitted.agent),
                TENANT.value_set(admitted.tenant),
                OWNER.value_set(admitted.owner),
                RISK.value_set(admitted.risk),
            ]
        )
        self._shown = (status, [], {})

    def amended(self, admitted: Admitted) -> None:
        """Show that the plan in force is not the one that the run was started with."""
        workflow.upsert_search_attributes([RISK.value_set(admitted.risk)])
        plan: JSONObject = {
            "number": admitted.amendments,
            "plan": admitted.plan_digest,
            "compiled": admitted.schedule.compiled,
        }
        workflow.upsert_memo({"RemitAmended": plan})

    def restored(self, status: str, waits: dict[str, Wait]) -> None:
        """Take over what an earlier run of the chain showed."""
        self._shown = (status, _roles(waits), _memo(waits))

    def show(self, status: str, waits: dict[str, Wait]) -> None:
        """Show the status and what waits for whom, when it changed."""
        shown = (status, _roles(waits), _memo(waits))
        if shown == self._shown:
            return
        before, self._shown = self._shown, shown
        updates: list[SearchAttributeUpdate[Any]] = []
        if shown[0] != before[0]:
            updates.append(STATUS.value_set(status))
        if shown[1] != before[1]:
            updates.append(AWAITS.value_set(shown[1]) if shown[1] else AWAITS.value_unset())
        if updates:
            workflow.upsert_search_attributes(updates)
        if shown[2] != before[2]:
            workflow.upsert_memo({"RemitWaits": shown[2] or None})

    def result(self, result: JSONObject) -> None:
        """Keep the result where a cancelled run has no other place for it."""
        workflow.upsert_memo({"RemitResult": result})


def moment(ms: int) -> str:
    """Return a moment as RFC 3339 text in UTC, to the second."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _roles(waits: dict[str, Wait]) -> list[str]:
    roles: list[str] = []
    for wait in waits.values():
        if wait.role not in roles:
            roles.append(wait.role)
    return roles


def _memo(waits: dict[str, Wait]) -> JSONObject:
    shown: JSONObject = {}
    for wait in list(waits.values())[:_SHOWN_WAITS]:
        shown[wait.step] = {
            "waits_for": wait.role,
            "kind": wait.kind,
            "reason": wait.reason,
            "due": moment(wait.due_ms) if wait.due_ms else "",
            "command": wait.command,
        }
    if len(waits) > _SHOWN_WAITS:
        shown["more"] = len(waits) - _SHOWN_WAITS
    return shown


def plain(text: str) -> str:
    """Return what somebody wrote as one line of Markdown that shows it and means nothing else."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


_SPECIAL = re.compile(r"([\\`*<>&\[\]!#|~])")


def _fenced(*commands: str) -> str:
    """Return commands as a block that nothing in them ends."""
    text = "\n".join(commands)
    ticks = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    return f"{fence}\n{text}\n{fence}"


def waits_markdown(workflow_id: str, waits: dict[str, Wait]) -> list[str]:
    """Return what waits for people, each with the commands to type.

    Args:
        workflow_id: of the run's top-level workflow, which takes the answers.
        waits: by id.
    """
    lines: list[str] = []
    for wait in list(waits.values())[:_SHOWN_WAITS]:
        due = f", until {moment(wait.due_ms)}; silence refuses" if wait.due_ms else ""
        lines += [
            f"### `{wait.step}` waits for **{wait.role}**{due}",
            plain(wait.reason),
        ]
        if wait.kind == "gate":
            lines += [_fenced(wait.command, reject_command(workflow_id, wait)), _FURTHER]
        else:
            lines.append(_fenced(wait.command))
    if len(waits) > _SHOWN_WAITS:
        lines.append(f"… and {len(waits) - _SHOWN_WAITS} more: query `pending`.")
    return lines
