"""`remit agents` as it is typed. What the commands do is imported when one runs."""

from typing import Annotated

import typer

from remit.cli.options import HELP, AsJson, InProject


def make_agents_app() -> typer.Typer:
    """Return the group of commands about agents; by itself it lists them."""
    app = typer.Typer(
        name="agents",
        help="Tell which agents there are, what they may do, and what they did.",
        rich_markup_mode=None,
        context_settings=HELP,
        invoke_without_command=True,
    )
    app.callback()(agents)
    app.command("show")(show)
    return app


def agents(context: typer.Context, project: InProject = None, as_json: AsJson = False) -> int:
    """List the agents of the policies in force, and those that began a run without being there.

    Reads the ledger; needs no stack. What an agent may do is changed by a change of policies, see
    `remit policy`, and what it does now is stopped by `remit stop agent:NAME`.
    """
    if context.invoked_subcommand is not None:
        return 0
    from remit.cli.agents.telling import listed

    return listed(project, as_json=as_json)


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its id, without a version.")],
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Tell all that is known of one agent."""
    from remit.cli.agents.telling import shown

    return shown(name, project, as_json=as_json)
