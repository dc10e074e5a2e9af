"""What somebody who calls a tool expects of it, beside what its contract promises.

A consumer writes down what it reads of an answer, calls that it makes, and what a refusal looks
like to it. `remit tools check` holds that against contracts, `remit tools verify` against the
service behind them. A consumer that says less can be broken by less.
"""

import re
from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt
from typing import Annotated

from pydantic import Field

from remit.canonical import JSONObject
from remit.tool.contract import ToolRef
from remit.tool.model import Model

_NAME = r"^[a-z][a-z0-9-]{0,49}$"
_BOUND = r"(>=|<=|==|>|<)(\d{1,6}(?:\.\d{1,6}){0,2})"
_COMPARE: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": ge,
    "<=": le,
    "==": eq,
    ">": gt,
    "<": lt,
}


class ExpectedRefusal(Model):
    """How the tool says no."""

    code: Annotated[str, Field(min_length=1, max_length=100)] = "TOOL-REFUSED"
    """As a run ends with it: of `http` and `mcp` this one, of `python` the function's own."""
    says: Annotated[str, Field(max_length=200)] = ""
    """A part of the reason, such as the service's own code."""


class Example(Model):
    """A call that the consumer makes."""

    args: JSONObject = {}
    """As a plan writes them, without references."""
    refused: ExpectedRefusal | None = None
    """What comes of it, in place of an answer."""


class Expectation(Model):
    """What a consumer expects of one tool."""

    tool: ToolRef
    version: Annotated[str, Field(max_length=100, pattern=rf"^{_BOUND}( {_BOUND})*$")] | None = None
    """Full versions that it can do with: bounds that all hold, as in `>=1.2 <1.5`. Where a later
    major serves this one, it is that one's version that is held against them."""
    reads: JSONObject = {}
    """JSON Schema of what it reads of an answer; what it does not read it leaves out."""
    examples: Annotated[list[Example], Field(max_length=50)] = []


class Consumer(Model):
    """Who expects something, and as whom `verify` asks; policy decides about that agent."""

    consumer: Annotated[str, Field(pattern=_NAME)]
    owner: Annotated[str, Field(min_length=1, max_length=200)]
    agent: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}@\d+\.\d+\.\d+$")]
    on_behalf_of: Annotated[str, Field(min_length=1, max_length=200)]
    tenant: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
    sandbox: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")] | None = None
    """A tenant in which calls with an effect may be tried, and are undone. Without it no such call
    is made."""
    expects: Annotated[list[Expectation], Field(min_length=1, max_length=200)]


def is_within(version: str, bounds: str) -> bool:
    """Say whether a full version lies within bounds such as `>=1.2 <2`."""
    here = _numbers(version)
    return all(_COMPARE[word](here, _numbers(there)) for word, there in re.findall(_BOUND, bounds))


def _numbers(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in version.split(".")]
    return (*parts, *[0] * (3 - len(parts)))
