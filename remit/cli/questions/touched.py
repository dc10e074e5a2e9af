"""Which data a run's calls were given and gave: by digest, and as values where that is permitted.

Values are bounded, and those of a sensitive data class are named and not shown, as everywhere that
people look (`remit.enforcement.shown`). Probes and read-backs read data too, so they are listed;
what they were given stands in the facts of their decisions.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypedDict

from remit.canonical import JSON, Digest, JSONObject
from remit.cli.questions.opening import Opened
from remit.enforcement.shown import shown
from remit.evidence.asked import Asked
from remit.evidence.fields import text
from remit.evidence.lineage import node_id
from remit.ledger.entries import Action
from remit.ledger.folding import RunState
from remit.tool.contract import ToolContract

_NOT_KEPT = "not kept"


class _Contracted(TypedDict):
    """What a contract says of data."""

    version: str
    data_classes: Sequence[str]
    destinations: Sequence[str]
    region: str


@dataclass(frozen=True, slots=True)
class Touch:
    """One call, and the data that it touched."""

    about: str
    """Path, with `undo of`, `probe of` or `read back of` before it."""
    tool: str
    version: str
    """Full version of the tool's contract."""
    operation: str
    state: str
    data_classes: Sequence[str]
    destinations: Sequence[str]
    region: str
    contract: Digest
    arguments: Digest | None
    output: Digest | None
    arguments_value: str | None = None
    """As text, where it was asked for and may be shown."""
    output_value: str | None = None

    def documented(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        return asdict(self)


async def touches(
    run: Opened, state: RunState, asked: Sequence[Asked], *, with_values: bool
) -> list[Touch]:
    """Return every call of a run in the order in which they began, and every probe behind them."""
    begun = sorted(state.actions.values(), key=lambda one: (one.begun_ms, one.effect_order))
    calls = [one for one in begun if one.tool]
    found = [await _call(run, one, with_values=with_values) for one in calls]
    reads = [one for one in asked if one.kind == "decision" and one.path and one.tool]
    for one in reads:
        read = await _read(run, one, with_values=with_values)
        if read is not None:
            found.append(read)
    return found


async def _call(run: Opened, action: Action, *, with_values: bool) -> Touch:
    contract = await run.contract(action.contract)
    classes = contract.data_classes if contract else []
    name = node_id(action.key)
    values: list[str | None] = [None, None]
    if with_values:
        values = [
            await _value(run, action.arguments, classes),
            await _value(run, action.output, classes) if action.output else None,
        ]
    state = "undone by hand" if action.code == "REPAIR-DONE" else action.state.value
    return Touch(
        about=f"undo of {action.key.path}" if name.startswith("undo:") else name,
        tool=action.tool,
        operation=action.operation,
        state=state.replace("_", " "),
        arguments=action.arguments,
        output=action.output,
        arguments_value=values[0],
        output_value=values[1],
        contract=action.contract,
        **_contracted(contract),
    )


async def _read(run: Opened, asked: Asked, *, with_values: bool) -> Touch | None:
    """Return a probe or a read-back; other decisions of this kind made no call."""
    facts = await run.dossier.json(asked.facts) if asked.facts else None
    action = facts.get("action") if isinstance(facts, dict) else None
    if not isinstance(action, dict) or action.get("purpose") == "call":
        return None
    if asked.effect != "allow":
        return None
    name = text(action, "contract_digest")
    contract = await run.contract(name) if name else None
    given = action.get("arguments")
    classes = contract.data_classes if contract else []
    return Touch(
        about=asked.about,
        tool=asked.tool,
        operation="read",
        state="allowed",
        arguments=None,
        output=None,
        arguments_value=_text(shown(given, classes)) if with_values else None,
        contract=name,
        **_contracted(contract),
    )


def _contracted(contract: ToolContract | None) -> _Contracted:
    if contract is None:
        return {"version": "?", "data_classes": [], "destinations": [], "region": ""}
    return {
        "version": contract.version,
        "data_classes": list(contract.data_classes),
        "destinations": list(contract.destinations),
        "region": contract.region,
    }


async def _value(run: Opened, digest: Digest, classes: Sequence[str]) -> str:
    if await run.dossier.content(digest) is None:
        return _NOT_KEPT
    value: JSON = await run.dossier.json(digest)
    return _text(shown(value, classes))


def _text(value: JSON | JSONObject) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
