"""What is generated from the code and committed: the plan's JSON Schema, the diagnostics.

A test fails when the committed files are not what this module writes; `python -m
remit.plan.publish schema` and `… diagnostics` print them.
"""

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from itertools import pairwise

from remit.canonical import JSON, JSONObject
from remit.plan import contract
from remit.plan.contract import Plan
from remit.plan.reference import GROUPS, Entry

_PREFACE = """\
# Diagnostics of plans

Every finding about a plan has the form `{code, path, message, hint}`. The code is stable, the path
is a JSON pointer into the plan (as it is after a reference to the catalogue was resolved), and the
hint says what to do; `found`, `did_you_mean`, `allowed` and `expected` say it to a program, where
that can be said ([agents](../agents.md)). `remit validate`, admission and a planner's retries
report the same, all at once. *This file is generated from `remit/plan/reference.py`.*
"""


def plan_schema() -> JSONObject:
    """Return the JSON Schema (2020-12) of the plan contract `remit.plan/v1`.

    It describes shape. Graph, references, types and undoing only the compiler knows.
    """
    schema: JSONObject = Plan.model_json_schema(by_alias=True, mode="validation")
    described = _descriptions()
    definitions = schema.get("$defs")
    for name, part in (definitions if isinstance(definitions, dict) else {}).items():
        _describe(part, described.get(name, {}))
    _describe(schema, described["Plan"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:remit:plan:v1",
        **schema,
        "title": "Remit plan, version 1",
    }


def _descriptions() -> dict[str, dict[str, str]]:
    """Return the docstrings of the contract's fields, by model and by name as in JSON."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(contract)).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = dict(_field_descriptions(node))
    return found


def _field_descriptions(model: ast.ClassDef) -> Iterator[tuple[str, str]]:
    aliases = {"schema_": "schema", "var": "as"}
    for field, after in pairwise(model.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            name = aliases.get(field.target.id, field.target.id)
            match after:
                case ast.Expr(value=ast.Constant(value=str() as text)):
                    yield name, " ".join(text.split())


def _describe(schema: JSON, descriptions: dict[str, str]) -> None:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    for name, part in (properties if isinstance(properties, dict) else {}).items():
        if isinstance(part, dict):
            part.pop("title", None)
            if name in descriptions:
                part["description"] = descriptions[name]


def schema_text() -> str:
    """Return the committed form of the plan's JSON Schema."""
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"


def diagnostics_text() -> str:
    """Return the reference of all codes in Markdown."""
    parts = [_PREFACE]
    for group, entries in GROUPS.items():
        parts.append(f"\n## {group}\n")
        parts += [_section(code, entry) for code, entry in entries.items()]
    return "".join(parts)


def _section(code: str, entry: Entry) -> str:
    kind = "*A warning: the plan may run.* " if entry.is_warning else ""
    return (
        f"\n### {code}\n\n{kind}{entry.meaning}\n\n"
        f"For example: `{entry.example}`\n\nThe way out: {entry.way_out}\n"
    )


def main(arguments: list[str]) -> int:
    """Print what is named: `schema` or `diagnostics`. Returns the exit code."""
    texts = {"schema": schema_text, "diagnostics": diagnostics_text}
    if len(arguments) != 1 or arguments[0] not in texts:
        sys.stderr.write("usage: python -m remit.plan.publish schema|diagnostics\n")
        return 2
    sys.stdout.write(texts[arguments[0]]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
