"""A mechanical repairer: it knows nothing of plans, only what diagnostics say to a program.

One diagnostic at a time: the value at its path, or the path's last name, is replaced by what the
finding says was meant, by the first value that the expected schema allows, or is taken away.
"""

import copy
import re
from typing import Any

Plan = Any
_PREFERRED = {"string": "x", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}


def mend(plan: Plan, finding: dict[str, Any]) -> Plan:
    """Return `plan` with one edit that follows from `finding` alone."""
    mended = copy.deepcopy(plan)
    names = [part.replace("~1", "/").replace("~0", "~") for part in finding["path"].split("/")[1:]]
    if not names:
        return _complete(mended, finding["expected"])
    owner = _reach(mended, names[:-1])
    key = int(names[-1]) if isinstance(owner, list) else names[-1]
    found, meant = finding.get("found", ""), finding.get("did_you_mean", "")
    here = owner[key] if isinstance(owner, list) or key in owner else None
    if found == key and found != here:
        value = owner.pop(key)
        if meant:
            owner[meant] = value
    elif found and (other := meant or next(iter(finding.get("allowed", [])), "")):
        owner[key] = re.sub(rf"(?<!\w){re.escape(found)}(?!\w)", lambda _: other, str(here))
    else:
        owner[key] = _complete(here, finding["expected"])
    return mended


def _reach(plan: Plan, names: list[str]) -> Any:
    here = plan
    for name in names:
        here = here[int(name)] if isinstance(here, list) else here[name]
    return here


def _complete(here: Any, schema: dict[str, Any]) -> Any:
    """Return something that `schema` takes, keeping of `here` what it can."""
    if isinstance(here, dict) and "properties" in schema:
        lacking = {name: schema["properties"][name] for name in schema.get("required", [])}
        return {**here, **{name: _complete(None, part) for name, part in lacking.items()}}
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    kind = schema.get("type")
    if kind == "string" and here is not None:
        return str(here)[: schema.get("maxLength")]
    if kind in ("integer", "number"):
        number = here if isinstance(here, int | float) and not isinstance(here, bool) else 1
        low = max(number, schema.get("minimum", number))
        return min(low, schema.get("maximum", low))
    return _PREFERRED[kind]
