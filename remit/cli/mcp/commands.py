"""`remit mcp` as it is typed. What it does is imported when it runs."""

from typing import Annotated

import typer

from remit.cli.options import InProject, KeyFile, Speaking


def mcp(
    agent: Annotated[
        str,
        typer.Option(
            "--agent",
            metavar="NAME[@VERSION]",
            help="For whom the server speaks; plans of others are refused.",
        ),
    ],
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="NAME", help="The only tenant of its plans.")
    ] = "",
    person: Annotated[
        str,
        typer.Option(
            "--on-behalf-of", metavar="NAME", help="The only person that its plans act for."
        ),
    ] = "",
    http: Annotated[
        int | None,
        typer.Option(
            "--http",
            metavar="PORT",
            min=1,
            max=65535,
            help="Serve on this port of the machine itself, in place of stdin and stdout.",
            show_default=False,
        ),
    ] = None,
    key: KeyFile = None,
    speaking: Speaking = None,
    project: InProject = None,
) -> int:
    """Serve one agent by MCP: its tools, checks of plans, dry runs, submitting, following.

    It cannot approve anything. Tools of the project are read once, at the start.
    """
    from remit.cli.keys import starter
    from remit.cli.mcp.serving import serve

    return serve(project, agent, tenant, person, starter(speaking, key), http)
