"""`remit propose` as it is typed. What it does is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.options import AsJson, InProject, Inputs, KeyFile, Speaking


def propose(
    goal: Annotated[str, typer.Argument(metavar="GOAL", help="What the plan is to achieve.")],
    agent: Annotated[
        str | None,
        typer.Option("--agent", metavar="NAME@VERSION", help="For whom.", show_default=False),
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(
            "--on-behalf-of",
            metavar="NAME",
            help="Whom it acts for. Without it: $REMIT_AS.",
            show_default=False,
        ),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="NAME", show_default=False)
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(
            "--owner", metavar="NAME", help="Who looks after the run.", show_default=False
        ),
    ] = None,
    inputs: Inputs = None,
    constraints: Annotated[
        list[str] | None,
        typer.Option(
            "--constraint",
            metavar="NAME=VALUE",
            help="A bound that the plan must state; may be repeated.",
            show_default=False,
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option("--rounds", min=1, max=10, help="How often at most.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the plan to a file instead of stdout."),
    ] = None,
    submits: Annotated[
        bool, typer.Option("--submit", help="Start the plan, if it is good.")
    ] = False,
    workflow_id: Annotated[
        str | None, typer.Option("--id", help="Workflow id of the proposal.", show_default=False)
    ] = None,
    by: Speaking = None,
    key: KeyFile = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Have the project's planner write a plan, and judge it as admission would.

    The planner is asked again with what is wrong until the plan would be admitted, or often
    enough. Agent, tenant and owner may stand in `[planner]` of remit.toml. Nothing runs without
    --submit; the plan is printed, and `remit run` takes it.
    """
    from remit.cli.keys import starter
    from remit.cli.proposing import Wanted, start

    wanted = Wanted(
        goal=goal,
        agent=agent,
        person=person,
        tenant=tenant,
        owner=owner,
        inputs=inputs or [],
        constraints=constraints or [],
        rounds=rounds,
        workflow_id=workflow_id,
        output=output,
        submits=submits,
    )
    return start(wanted, project, starter(by, key), as_json=as_json)
