"""`remit tools` and `remit schema`: what plans may name, and how the contracts are written."""

import difflib
import json
from collections.abc import Callable
from pathlib import Path

from remit.canonical import JSONObject
from remit.cli.compiling import Workshop, findings_of
from remit.cli.errors import ExitCode, usage
from remit.cli.output import answer, documented, raw, shown
from remit.cli.place import find_project
from remit.decision.decision import Decision
from remit.decision.facts import Facts
from remit.plan.publish import plan_schema
from remit.plan.strict import strict_schema
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract


def tools(ref: str | None, project: Path | None, *, as_json: bool) -> int:
    """Print the list of tools, or the contract of `ref`."""
    folder = find_project(project)
    workshop = Workshop.of(folder)
    catalogue = workshop.project.catalogue
    if ref is not None:
        return _one(_found(catalogue, ref), as_json=as_json)
    noted = findings_of(workshop.project.findings)
    listed = [_summary(contract) for contract in catalogue]
    document = {
        "ok": True,
        "project": str(folder),
        "catalogue": catalogue.digest,
        "tools": listed,
        "warnings": documented(noted),
    }
    lines = _table(catalogue) or [f"{folder} describes no tools: put contracts into its `tools`"]
    answer(document, [*lines, *shown(noted)], as_json=as_json)
    return ExitCode.OK


def schema(name: str, *, strict: bool = False) -> int:
    """Print the JSON Schema of the contract `name`.

    Raises:
        CliError: `SCHEMA-STRICT`: only plans have a strict form.
    """
    if strict and name != "plan":
        hint = "`remit schema plan --strict`"
        raise usage("SCHEMA-STRICT", f"{name!r} has no strict form; plans have", hint)
    made: dict[str, Callable[[], JSONObject]] = {
        "plan": strict_schema if strict else plan_schema,
        "facts": Facts.model_json_schema,
        "decision": Decision.model_json_schema,
        "tool": ToolContract.model_json_schema,
    }
    raw(json.dumps(made[name](), indent=2))
    return ExitCode.OK


def _found(catalogue: Catalogue, ref: str) -> ToolContract:
    contract = catalogue.find(ref)
    if contract is not None:
        return contract
    alike = difflib.get_close_matches(ref, catalogue.refs, 3, 0.5)
    hint = f"did you mean {', '.join(alike)}?" if alike else "`remit tools` lists them"
    raise usage("TOOL-UNKNOWN", f"there is no tool {ref!r}", hint)


def _one(contract: ToolContract, *, as_json: bool) -> int:
    body = contract.model_dump(mode="json")
    document = {"ok": True, "ref": contract.ref, "digest": contract.digest, "contract": body}
    text = json.dumps(body, indent=2, ensure_ascii=False)
    answer(document, [f"{contract.ref}  {contract.digest}", text], as_json=as_json)
    return ExitCode.OK


def _summary(contract: ToolContract) -> dict[str, object]:
    return {
        "ref": contract.ref,
        "version": contract.version,
        "digest": contract.digest,
        "domain": contract.domain,
        "operation": contract.operation.value,
        "kind": contract.call.kind,
        "idempotency": contract.idempotency.value,
        "undo": contract.compensation.tool if contract.compensation else None,
        "irreversible": contract.irreversible,
        "owner": contract.owner,
        "description": contract.description,
    }


def _table(catalogue: Catalogue) -> list[str]:
    rows = [
        (contract.ref, contract.operation.value, _undo(contract), contract.description)
        for contract in catalogue
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return [
        f"{ref:<{widths[0]}}  {operation:<{widths[1]}}  {undo:<{widths[2]}}  {text}"
        for ref, operation, undo, text in rows
    ]


def _undo(contract: ToolContract) -> str:
    if not contract.operation.has_effect:
        return ""
    if contract.compensation is not None:
        return f"undone by {contract.compensation.tool}"
    return "irreversible" if contract.irreversible else "undone by the plan's step"
