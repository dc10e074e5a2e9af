"""The defaults of the core and the data of a project as one document: checked, and laid together.

What is here changes with how the two are put together; what they hold stands in
`remit.decision.registry`.
"""

from collections.abc import Mapping

from pydantic import model_validator

from remit.canonical import JSONObject
from remit.decision.registry import Defaults, Model, Registry, Thresholds


class _Waived(Model):
    """What exceptions speak of, against what they may speak of."""

    waivable: list[str]
    codes: list[str]

    @model_validator(mode="after")
    def _all_waivable(self) -> "_Waived":
        if stray := sorted(set(self.codes) - set(self.waivable)):
            raise ValueError(f"exceptions: {stray[0]!r} is not among thresholds.waivable")
        return self


def check_registry(data: Mapping[str, object]) -> None:
    """Check the document at `data.remit` of a bundle before it is built.

    Args:
        data: `defaults` and, if there is a project, `registry`.

    Raises:
        pydantic.ValidationError: a field is unknown, absent or of the wrong form. The rules would
            deny every call that reads it.
    """
    defaults = Defaults.model_validate(data.get("defaults"))
    registry = Registry.model_validate(data.get("registry", {}))
    below = defaults.thresholds.model_dump(mode="json")
    thresholds = Thresholds.model_validate(_over(below, registry.thresholds))
    _Waived.model_validate(
        {"waivable": thresholds.waivable, "codes": [one.code for one in registry.exceptions]}
    )


def settled(data: JSONObject) -> JSONObject:
    """Return the document at `data.remit` with the project's thresholds laid over the defaults.

    Rules read the two as one (`lib.thresholds`); laid over each other once, when a bundle is made,
    they cost no decision anything. What the rules read is the same before and after.

    Args:
        data: `defaults` and, if there is a project, `registry`, both checked.
    """
    defaults, registry = data.get("defaults"), data.get("registry")
    if not isinstance(defaults, dict) or not isinstance(registry, dict):
        return data
    below, above = defaults.get("thresholds"), registry.get("thresholds")
    if not isinstance(below, dict) or not isinstance(above, dict):
        return data
    rest = {name: value for name, value in registry.items() if name != "thresholds"}
    return {**data, "defaults": {**defaults, "thresholds": _over(below, above)}, "registry": rest}


def _over(below: JSONObject, above: JSONObject) -> JSONObject:
    """Lay objects over each other as `object.union` does."""
    result = dict(below)
    for name, value in above.items():
        old = result.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            result[name] = _over(old, value)
        else:
            result[name] = value
    return result
