"""Other values for what only the run can tell, while a call is refused for those that were guessed.

A rule that compares or parses an argument says nothing about a call whose argument nobody knows: it
would refuse the guess. So a refusal counts only when other values that the tool takes meet it too.
The search goes from place to place and keeps what is refused less; it is bounded, and may miss the
one value that passes, never find one that does not.
"""

import copy
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from remit.canonical import JSON, JSONObject
from remit.enforcement.rehearsal.asking import Answer
from remit.enforcement.rehearsal.known import Known
from remit.tool.contract import ToolContract
from remit.tool.pointer import put, split

_MOST_PLACES = 8
_MOST_VALUES = 4
_ROUNDS = 3
_FAR = 10**6
"""Far enough from a bound where a schema names no other one."""

Ask = Callable[[JSONObject], Awaitable[Answer]]


@dataclass(slots=True)
class Tried:
    """What came of it."""

    answer: Answer
    """The mildest one."""
    met: dict[str, None] = field(default_factory=dict)
    """Codes of the refusals that other values met; in the order in which they were met."""

    @property
    def hinges(self) -> bool:
        """Whether a refusal hung on the values that were guessed first."""
        return self.answer.effect != "deny" and bool(self.met)


async def tried(ask: Ask, contract: ToolContract, known: Known) -> Tried:
    """Ask about a call, and while it is refused about other values of what is unknown.

    Args:
        ask: asks about the call with these arguments.
        contract: of the tool.
        known: its arguments, as far as they are known.
    """
    value = known.value
    found = Tried(await ask(value))
    _meet(found, found.answer)
    places = [each for each in known.unknown if each not in _priced(contract)][:_MOST_PLACES]
    for _ in range(_ROUNDS):
        before = _harshness(found.answer)
        for place in places:
            for other in _values(contract, place):
                if found.answer.effect != "deny":
                    return found
                changed = _with(value, place, other)
                said = await ask(changed)
                _meet(found, said)
                if _harshness(said) < _harshness(found.answer):
                    value, found.answer = changed, said
        if _harshness(found.answer) == before:
            break
    return found


def _meet(found: Tried, said: Answer) -> None:
    if said.effect == "deny":
        found.met |= {reason.code: None for reason in said.reasons if reason.policy != "host"}


def _harshness(said: Answer) -> tuple[int, int]:
    """Return a rank: no answer at all is the harshest, then refusals by how many reasons."""
    if said.effect != "deny":
        return 0, 0
    is_none = any(reason.policy == "host" for reason in said.reasons)
    return (2 if is_none else 1), len(said.reasons)


def _priced(contract: ToolContract) -> Sequence[str | None]:
    """Places that a cost is read from: an unknown one counts as all that may still be spent."""
    return (contract.cost.micros_argument, contract.cost.currency_argument)


def _values(contract: ToolContract, place: str) -> Sequence[JSON]:
    """Return some values that a tool takes at a place, of as many kinds as rules may ask for."""
    schema = _schema_at(contract.input_schema, place)
    return [*_allowed(schema, contract.region)][:_MOST_VALUES]


def _allowed(schema: JSONObject, region: str) -> Iterator[JSON]:
    listed = schema.get("enum")
    if isinstance(listed, list):
        yield from listed
        return
    match schema.get("type"):
        case "boolean":
            yield from (False, True)
        case "integer" | "number":
            low, high = schema.get("minimum"), schema.get("maximum")
            least = low if isinstance(low, int | float) else 0
            yield least
            yield high if isinstance(high, int | float) else least + _FAR
        case "array":
            yield []
        case "object":
            yield {}
        case _:
            yield datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            if region:
                yield region


def _schema_at(schema: JSON, place: str) -> JSONObject:
    """Return the schema of a place, as far as `properties` and `items` lead there."""
    here = schema
    for name in split(place):
        inner = here if isinstance(here, dict) else {}
        members = inner.get("properties")
        here = members.get(name) if isinstance(members, dict) else inner.get("items")
    return here if isinstance(here, dict) else {}


def _with(value: JSONObject, place: str, other: JSON) -> JSONObject:
    """Return a copy of `value` with another one at a place of it."""
    changed = copy.deepcopy(value)
    put(changed, place, other)
    return changed
