"""Generated plans: the same seed gives the same plans, one after the other, whatever ran before.

Every thing that a plan makes has a name of its own, its business identity. What the shop is to do
wrong about it stands in the plan, and what the driver is to answer at its gate stands beside it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from remit.canonical import JSON, JSONObject

MOST_ATTEMPTS = 8
"""How often a call may be tried: more often than faults are likely to hit it."""
GUARDED, FORBIDDEN = "guarded-", "forbidden-"
"""Prefixes of names that policy gates, and denies."""

Shape = Literal[
    "chain", "parallel", "for_each", "sub_plan", "gate", "fail", "lost", "doubt", "lie", "odd",
    "burn", "stick", "deny", "reject", "any", "terminate", "cancel", "rollback",
]  # fmt: skip
SHAPES: tuple[Shape, ...] = (
    "chain", "gate", "fail", "doubt", "parallel", "lost", "for_each", "gate", "sub_plan", "fail",
    "lie", "burn", "terminate", "odd", "stick", "deny", "reject", "any", "cancel", "rollback",
)  # fmt: skip
"""In this order over and over, so that few plans are of many shapes too."""
_MAKERS = ("keyed", "natural", "probed", "checked")
_LOSSES = ("lose", "drop", "break", "later")
_RETRY: JSONObject = {"max_attempts": MOST_ATTEMPTS, "initial": "PT0.2S", "max": "PT2S"}


@dataclass(frozen=True, slots=True)
class Case:
    """One plan and what the driver does about it."""

    number: int
    shape: Shape
    document: JSONObject
    verdict: Literal["approve", "reject"]
    """The answer at its gates."""
    order: Literal["", "terminate", "cancel", "rollback"]
    """What an operator does to it."""
    order_after_s: float
    """When, after its start."""

    @property
    def workflow_id(self) -> str:
        """The run's workflow id."""
        return str(self.document["name"])


@dataclass(slots=True)
class Sketch:
    """Steps while they are put together."""

    rng: random.Random
    tag: str
    """What the names of all its things have in them."""
    steps: list[JSON] = field(default_factory=list)

    def make(
        self, step: str, kind: str, needs: Sequence[str] = (), behave: str = "", prefix: str = ""
    ) -> str:
        """Add a step that makes a thing; return its id."""
        args: JSONObject = {"name": f"{prefix}{self.tag}-{step}", "wait_ms": self.wait_ms()}
        if behave:
            args["behave"] = behave
        tool = "shop.burn@1" if kind == "burn" else f"shop.make_{kind}@1"
        self.steps.append(
            {
                "id": step,
                "tool": tool,
                "needs": list(needs),
                "args": args,
                "ensure": ["output.status == 'there'"],
                "retry": _RETRY,
            }
        )
        return step

    def wait_ms(self) -> int:
        """Return how long a call takes."""
        return self.rng.choice((10, 40, 80, 150))

    def kind(self) -> str:
        """Return a kind of tool that can tell."""
        return self.rng.choice(_MAKERS)

    def chain(self, count: int) -> list[str]:
        """Add a chain of things of several kinds; return their ids."""
        ids: list[str] = []
        for number in range(count):
            kind = _MAKERS[(number + self.rng.randrange(4)) % 4]
            ids.append(self.make(f"s{number}", kind, ids[-1:]))
        return ids


def cases(seed: int, count: int) -> list[Case]:
    """Return the plans of a seed."""
    return [case(seed, number) for number in range(count)]


def case(seed: int, number: int) -> Case:
    """Return one plan of a seed."""
    # Not for secrets: the same seed must give the same plan.
    rng = random.Random(f"plan:{seed}:{number}")  # noqa: S311
    shape = SHAPES[number % len(SHAPES)]
    name = f"chaos-{seed}-{number:04d}"
    sketch = Sketch(rng, name)
    _STEPS[shape](sketch)
    order: Literal["", "terminate", "cancel", "rollback"] = ""
    if shape in ("terminate", "cancel", "rollback"):
        order = shape
    return Case(
        number=number,
        shape=shape,
        document=document_of(name, shape, sketch.steps),
        verdict="reject" if shape == "reject" else "approve",
        order=order,
        order_after_s=round(rng.uniform(0.5, 3.0), 2),
    )


def document_of(name: str, goal: str, steps: list[JSON]) -> JSONObject:
    """Return a plan of the machine's agent."""
    return {
        "schema": "remit.plan/v1",
        "name": name,
        "version": "1.0.0",
        "goal": f"survive: {goal}",
        "agent": "breaker@1.0.0",
        "on_behalf_of": "asker@chaos.example",
        "tenant": "chaos",
        "owner": "team:shop",
        "steps": steps,
    }


def _chain(sketch: Sketch) -> None:
    sketch.chain(sketch.rng.randint(3, 5))


def _parallel(sketch: Sketch) -> None:
    first = sketch.make("first", sketch.kind())
    middle = [sketch.make(f"p{n}", _MAKERS[n % 4], [first]) for n in range(4)]
    sketch.make("last", sketch.kind(), middle)


def _for_each(sketch: Sketch) -> None:
    items: JSONObject = {"name": f"{sketch.tag}-row", "count": sketch.rng.randint(3, 5)}
    sketch.steps.append({"id": "items", "tool": "shop.list@1", "args": items, "retry": _RETRY})
    kind = sketch.kind()
    sketch.steps.append(
        {
            "id": "row",
            "tool": f"shop.make_{kind}@1",
            "needs": ["items"],
            "for_each": {"items": "${steps.items.output.items}", "as": "each", "max_parallel": 3},
            "args": {"name": "${each}", "wait_ms": sketch.wait_ms()},
            "retry": _RETRY,
        }
    )
    if sketch.rng.random() < 0.5:
        sketch.make("last", "keyed", ["row"], "refuse")


def _sub_plan(sketch: Sketch) -> None:
    first = sketch.make("first", sketch.kind())
    behave = sketch.rng.choice(("", "", "lose", "refuse"))
    args: JSONObject = {"name": f"{sketch.tag}-pair", "behave": behave}
    sketch.steps.append({"id": "pair", "plan": "pair@1.0.0", "needs": [first], "args": args})
    sketch.make("last", sketch.kind(), ["pair"], sketch.rng.choice(("", "refuse")))


def _gate(sketch: Sketch) -> None:
    before = sketch.chain(sketch.rng.randint(1, 2))
    gated = sketch.make("gated", sketch.kind(), before[-1:], prefix=GUARDED)
    sketch.make("last", sketch.kind(), [gated])


def _fail(sketch: Sketch) -> None:
    ids = sketch.chain(sketch.rng.randint(3, 4))
    side = sketch.make("side", "careless", ids[:1])
    sketch.make("last", "keyed", [ids[-1], side], "refuse")


def _lost(sketch: Sketch) -> None:
    before: list[str] = []
    for kind in _MAKERS:
        loss = sketch.rng.choice(_LOSSES)
        before = [sketch.make(kind, kind, before, loss)]
    if sketch.rng.random() < 0.5:
        _taken_hard(sketch, before)


def _taken_hard(sketch: Sketch, before: list[str]) -> None:
    """Let an answer to an undo be lost too."""
    for kind in ("keyed", "natural"):
        behave = "undo_" + sketch.rng.choice(_LOSSES)
        before = [sketch.make(f"hard_{kind}", kind, before, behave)]
    sketch.make("last", "keyed", before, "refuse")


def _doubt(sketch: Sketch) -> None:
    first = sketch.make("first", sketch.kind())
    behave = sketch.rng.choice(("", "lose", "drop"))
    unsure = sketch.make("unsure", "careless", [first], behave)
    sketch.make("last", "keyed", [unsure], sketch.rng.choice(("", "refuse")))


def _lie(sketch: Sketch) -> None:
    before = sketch.chain(2)
    sketch.make("liar", "checked", before[-1:], "lie")


def _odd(sketch: Sketch) -> None:
    before = sketch.chain(2)
    sketch.make("odd", sketch.rng.choice(("keyed", "natural")), before[-1:], "odd")


def _burn(sketch: Sketch) -> None:
    first = sketch.make("first", sketch.kind())
    burnt = sketch.make("burnt", "burn", [first])
    sketch.make("last", "keyed", [burnt], "refuse")


def _stick(sketch: Sketch) -> None:
    ids = sketch.chain(2)
    stuck = sketch.make("stuck", sketch.kind(), ids[-1:], "undo_stick")
    sketch.make("last", "keyed", [stuck], "refuse")


def _deny(sketch: Sketch) -> None:
    ids = sketch.chain(2)
    sketch.make("denied", "keyed", ids[-1:], prefix=FORBIDDEN)


def _any(sketch: Sketch) -> None:
    first = [sketch.make(f"r{n}", _MAKERS[n]) for n in range(3)]
    sketch.make("last", sketch.kind(), first)
    steps = sketch.steps[-1]
    if isinstance(steps, dict):
        steps["join"] = "any"


_STEPS = {
    "chain": _chain,
    "parallel": _parallel,
    "for_each": _for_each,
    "sub_plan": _sub_plan,
    "gate": _gate,
    "fail": _fail,
    "lost": _lost,
    "doubt": _doubt,
    "lie": _lie,
    "odd": _odd,
    "burn": _burn,
    "stick": _stick,
    "deny": _deny,
    "reject": _gate,
    "any": _any,
    "terminate": _chain,
    "cancel": _parallel,
    "rollback": _parallel,
}


def tool_of(tool: str) -> str:
    """Return the kind of a tool's idempotency by its reference: `key`, `natural`, …"""
    name = tool.removeprefix("shop.").partition("@")[0]
    return _KINDS.get(name, "natural")


_KINDS = {
    "make_keyed": "key",
    "make_checked": "key",
    "burn": "key",
    "take_keyed": "key",
    "make_natural": "natural",
    "take_natural": "natural",
    "make_probed": "probe",
    "make_careless": "none",
}
