"""How long contents are kept, by the data classes of the tools that they came from or went to.

    retention:
      default: P10Y          # everything that no other line names; without it, for good
      personal: P30D         # counted from the end of the run
      unclassified: P1Y      # tools that state no data class

A call's arguments and outputs carry the classes of its tool. Of several that the policy names the
longest period counts: a duty to keep is not broken for a wish to delete. Inputs, plan outputs and
whatever else only feeds calls carry the classes of all tools of their run, and of those the
shortest counts: what must be kept longer stands in the call that has the class. Nothing here does
I/O.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

DEFAULT = "default"
UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True)
class Rule:
    """What decides about a content."""

    name: str
    """`personal P30D`."""
    period_ms: int


Periods = Mapping[str, Rule]
"""Rules by data class."""


def label(classes: Iterable[str], *, is_mixture: bool) -> str:
    """Return how the classes of a content are written down."""
    return json.dumps(["any" if is_mixture else "all", *sorted(set(classes))])


def classes_of(written: str) -> list[str]:
    """Return the data classes of a label."""
    return [str(one) for one in json.loads(written)[1:]]


def rule_of(written: str, periods: Periods) -> Rule | None:
    """Return what the periods say about a content with this label; `None`: it stays for good."""
    how, *classes = json.loads(written)
    named = [str(one) for one in classes if one in periods]
    if not named:
        fallback = UNCLASSIFIED if not classes and UNCLASSIFIED in periods else DEFAULT
        named = [fallback] if fallback in periods else []
    if how == "any" and len(named) < len(classes) and DEFAULT in periods:
        named.append(DEFAULT)
    rules = [periods[one] for one in named]
    if not rules:
        return None
    choose = min if how == "any" else max
    return choose(rules, key=lambda one: one.period_ms)
