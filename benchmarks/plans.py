"""The plans that are measured: made in code, all of one agent, one tool."""

from remit.canonical import JSON, JSONObject

TOOL = "bench.noop@1"


def sequence(steps: int) -> JSONObject:
    """Return a plan of `steps` steps, each of which needs the one before."""
    made: list[JSON] = []
    for position in range(steps):
        step: JSONObject = {"id": f"s{position}", "tool": TOOL, "args": {"n": position}}
        if position:
            step["needs"] = [f"s{position - 1}"]
        made.append(step)
    return plan(f"sequence-{steps}", made)


def fan_out(items: int, tool: str = TOOL) -> JSONObject:
    """Return a plan of one step that runs once for each of `items` items, all at once."""
    step: JSONObject = {
        "id": "each",
        "tool": tool,
        "for_each": {"items": "${inputs.items}", "as": "item", "max_parallel": items},
        "args": {"n": "${item}"},
    }
    numbers: list[JSON] = list(range(items))
    return {**plan(f"fan-out-{items}", [step]), "inputs": {"items": numbers}}


def hang(items: int) -> JSONObject:
    """Return a plan whose every call hangs, all at once."""
    return {**fan_out(items, "bench.hang@1"), "name": f"hang-{items}"}


def realistic(steps: int) -> JSONObject:
    """Return a plan for the compiler: layers of ten, references, conditions, checked answers."""
    made: list[JSON] = []
    for position in range(steps):
        layer = position - position % 10
        step: JSONObject = {"id": f"s{position}", "tool": TOOL, "args": {"n": "${inputs.n}"}}
        if layer:
            before: list[JSON] = [
                f"s{layer - 10 + at}" for at in (position % 10, (position + 1) % 10)
            ]
            step |= {
                "needs": before,
                "args": {"n": f"${{steps.{before[0]}.output.n}}"},
                "require": [f"steps.{before[1]}.output.n >= 0"],
                "ensure": ["output.n >= inputs.n"],
                "reason": f"follows {before[0]}",
            }
        made.append(step)
    return {**plan(f"realistic-{steps}", made), "inputs": {"n": 1}}


def plan(name: str, steps: list[JSON]) -> JSONObject:
    """Return a plan of the benchmark's agent."""
    return {
        "schema": "remit.plan/v1",
        "name": name,
        "version": "1.0.0",
        "goal": "measure what a governed step costs",
        "agent": "bencher@1.0.0",
        "on_behalf_of": "bench@bench.example",
        "tenant": "bench",
        "owner": "team:bench",
        "steps": steps,
    }
