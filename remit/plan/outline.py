"""A compiled plan in readable Markdown, for the web UI and the CLI."""

from remit.plan.compiled import CompiledPlan, CompiledStep

_SHOWN = 50


def outline(plan: CompiledPlan) -> str:
    """Return head and steps of a plan, at most 50 of them."""
    lines = [
        f"# {plan.name} {plan.version}",
        plan.goal,
        f"{plan.agent} on behalf of {plan.on_behalf_of} ({plan.tenant}); owner {plan.owner}",
        "",
        "| step | calls | needs | undone by |",
        "|---|---|---|---|",
    ]
    lines += [_row(step) for step in plan.steps[:_SHOWN]]
    if len(plan.steps) > _SHOWN:
        lines.append(f"\n… and {len(plan.steps) - _SHOWN} more steps")
    return "\n".join(lines)


def _row(step: CompiledStep) -> str:
    calls = step.call.tool if step.call else "a sub-plan"
    undo = step.undo.tool if step.undo else ("irreversible" if step.irreversible else "none")
    return f"| `{step.id}` | {calls} | {', '.join(step.needs) or 'none'} | {undo} |"
