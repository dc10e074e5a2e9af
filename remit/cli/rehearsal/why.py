"""`remit dry-run --why`: which run-time values would turn an allow into a deny or a gate.

OPA evaluates the rules in part, with everything that a dry run knows put in; what is left over are
conditions on the rest. The running stack's OPA answers only the one question that it is asked for
calls, so an OPA of the command's own serves the project's policies for as long as that takes.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from remit.canonical import JSON, JSONObject
from remit.cli.errors import stack
from remit.cli.questions.rules import DECISION_S, build, opa_binary, started
from remit.cli.rehearsal.residue import Left, left_over
from remit.decision.facts import Facts
from remit.enforcement.rehearsal.stage import Scene
from remit.tool.pointer import split

ALWAYS_UNKNOWN = (
    "input.budget.spent_micros",
    "input.budget.reserved_micros",
    "input.budget.counters",
    "input.history",
)
"""What other calls will have left by then. The clock and stops are left as they are now."""
_ASKED = {"deny": "data.remit.main.denies[g]", "gate": "data.remit.main.gates[g]"}


@dataclass(frozen=True, slots=True)
class Turn:
    """One way in which the run may turn out otherwise than the dry run says."""

    effect: str
    """`deny` or `gate`."""
    left: Left

    def __str__(self) -> str:
        asks = f", asking {self.left.role}" if self.left.role else ""
        return (
            f"{self.effect} ({self.left.code}{asks}) when {' or when '.join(self.left.conditions)}"
        )


@dataclass(frozen=True, slots=True)
class Why:
    """What may turn, by path of the call."""

    revision: str
    """Of the policies that were asked."""
    turns: Mapping[str, Sequence[Turn]]


async def why(policies: Path, scenes: Sequence[Scene], asked: Mapping[str, Facts]) -> Why:
    """Ask about every call of a dry run.

    Args:
        policies: the project's.
        scenes: the dry run.
        asked: the facts that it asked about, by path of the call.

    Raises:
        StackError: OPA is not there, or the policies are not sound.
        CliError: OPA does not take them.
    """
    binary = opa_binary()
    bundle = await asyncio.to_thread(build, policies, binary)
    turns: dict[str, Sequence[Turn]] = {}
    async with (
        started(binary, bundle.content) as socket,
        aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(socket)),
            timeout=aiohttp.ClientTimeout(total=DECISION_S),
        ) as session,
    ):
        for scene in scenes:
            facts = asked.get(scene.path)
            if scene.answer is not None and facts is not None:
                turns[scene.path] = await turns_of(session, facts, unknowns(scene))
    return Why(bundle.revision, turns)


def unknowns(scene: Scene) -> list[str]:
    """Return the facts that only the run can tell, as references into the input."""
    known = scene.arguments
    found = [_reference("input.action.arguments", each, known.value) for each in known.unknown]
    found += [f"input.action.{fact}" for fact in scene.unknown_facts]
    return [*found, *ALWAYS_UNKNOWN]


async def turns_of(
    session: aiohttp.ClientSession, facts: Facts, unknown: Sequence[str]
) -> list[Turn]:
    """Ask which of the unknown facts would turn the answer, and how."""
    given: JSONObject = facts.model_dump(mode="json")
    found: list[Turn] = []
    for effect, query in _ASKED.items():
        body = {"query": query, "input": given, "unknowns": list(unknown)}
        async with session.post("http://opa/v1/compile", json=body) as response:
            answer = json.loads(await response.text())
        if response.status != 200:
            hint = "the policies answer, and cannot be evaluated in part"
            raise stack("OPA-NOT-READY", f"OPA answered {response.status} to {query}", hint)
        found += [Turn(effect, left) for left in left_over(answer) if left.conditions]
    return found


def told(turns: Sequence[Turn]) -> Iterator[str]:
    """Say what may turn."""
    for turn in turns:
        yield f"becomes {turn}"


def _reference(root: str, pointer: str, value: JSON) -> str:
    """Return an OPA reference to what a JSON pointer names in `value`, which is called `root`."""
    reference, here = root, value
    for name in split(pointer):
        if isinstance(here, list):
            reference, here = f"{reference}[{name}]", here[int(name)]
        else:
            here = here.get(name) if isinstance(here, dict) else None
            reference += f"[{json.dumps(name)}]"
    return reference
