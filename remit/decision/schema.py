"""Everything under `policies/` that is generated from the models, so that rules and code agree.

`python -m remit.decision.schema policies` writes the JSON Schemas that `opa check` holds the rules
against, and the Rego predicates of the required facts; `--check` writes nothing and reports what
differs. OPA's checker reads a draft-07 subset, so references are inlined and only keywords that
mean something to it stay. `object or null` becomes `object`, for the checker lets any field of a
union pass. It must never hold a rule of its own.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from remit.canonical import JSON, JSONObject
from remit.decision.decision import Decision
from remit.decision.facts import Facts
from remit.decision.registry import Registry, Thresholds
from remit.decision.shape import shape_rego

_KEPT = ("type", "enum", "const", "minimum", "maximum", "minItems", "maxItems", "pattern")


def object_schema(model: type[BaseModel]) -> JSONObject:
    """Return the model's schema with all references inlined, as OPA's checker reads it."""
    document = model.model_json_schema(mode="serialization")
    definitions = _object(document.get("$defs", {}))
    inlined = _inline(document, definitions)
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": model.__name__} | inlined


def artefacts() -> Mapping[str, str]:
    """Return the generated files: path below `policies/` to text."""
    return {
        "schemas/facts.json": _text(object_schema(Facts)),
        "schemas/decision.json": _text(object_schema(Decision)),
        "schemas/registry.json": _text(object_schema(Registry)),
        "schemas/thresholds.json": _text(object_schema(Thresholds)),
        "lib/shape.rego": shape_rego(),
    }


def differing(root: Path) -> list[str]:
    """Return the paths below `root` whose files are absent or not what the models give."""
    return [
        path
        for path, text in artefacts().items()
        if not (root / path).is_file() or (root / path).read_text() != text
    ]


def _inline(node: JSON, definitions: JSONObject) -> JSONObject:
    """Resolve references; the models are trees, so this ends."""
    schema = _object(node)
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.rsplit("/", 1)[-1]
        return {} if name == "JsonValue" else _inline(definitions[name], definitions)
    found: JSONObject = {name: schema[name] for name in _KEPT if name in schema}
    branches = schema.get("anyOf", schema.get("oneOf"))
    if isinstance(branches, list):
        found |= _union([_inline(branch, definitions) for branch in branches])
    if "items" in schema:
        found["items"] = _inline(schema["items"], definitions)
    if "properties" in schema:
        properties = _object(schema["properties"])
        found["properties"] = {k: _inline(v, definitions) for k, v in properties.items()}
        found["required"] = schema.get("required", [])
    extra = schema.get("additionalProperties")
    if isinstance(extra, bool):
        found["additionalProperties"] = extra
    elif extra is not None:
        found["additionalProperties"] = _inline(extra, definitions) or True
    return found


def _union(branches: list[JSONObject]) -> JSONObject:
    """Return `anyOf`, or the object alone where the other branch is `null`."""
    given = [branch for branch in branches if branch.get("type") != "null"]
    if len(given) == 1 and given[0].get("type") == "object":
        return given[0]
    return {"anyOf": [*branches]}


def _object(node: JSON) -> JSONObject:
    return node if isinstance(node, dict) else {}


def _text(document: JSONObject) -> str:
    return json.dumps(document, indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the generated files below a folder, or report with `--check` what differs."""
    check = "--check" in arguments
    root = Path(next((a for a in arguments if not a.startswith("-")), "policies"))
    stale = differing(root)
    for path in stale:
        sys.stdout.write(f"{'differs' if check else 'wrote'}: {root / path}\n")
    if check:
        return 1 if stale else 0
    files = artefacts()
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(files[path])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
