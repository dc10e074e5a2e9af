"""`remit tools` as it is typed: the catalogue, one contract, and `import`.

`remit tools NAME@MAJOR` shows a contract and `remit tools import …` makes some, so a first word
that is no command of the group belongs to the listing.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from remit.cli import commands
from remit.cli.options import HELP, AsJson, InProject, group

_SHOW = "show"


class _Tools(TyperGroup):
    """Takes a first word that is no command as the name of a tool."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `show` before words that name no command."""
        if not args or (args[0] not in self.commands and args[0] not in HELP["help_option_names"]):
            args = [_SHOW, *args]
        return super().parse_args(ctx, args)


def make_tools_app() -> typer.Typer:
    """Return the group of commands about tools; by itself it lists them."""
    app = typer.Typer(
        name="tools",
        help="List the tools that plans may name, show one contract, or import contracts.",
        cls=_Tools,
        rich_markup_mode=None,
        context_settings=HELP,
    )
    app.callback()(_tools)
    app.command(_SHOW)(commands.tools)
    importing = group("import", "Make contracts of what a service says of itself.")
    importing.callback()(_importing)
    importing.command("mcp", context_settings={"allow_interspersed_args": False})(mcp)
    app.add_typer(importing)
    return app


def _tools() -> None:
    """List the tools that plans may name, show one contract, or import contracts."""


def _importing() -> None:
    """Make contracts of what a service says of itself."""


def mcp(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND ARGUMENT...]", help="What starts it, after --stdio."),
    ] = None,
    stdio: Annotated[
        bool, typer.Option("--stdio", help="The server is a command; all that follows is it.")
    ] = False,
    url: Annotated[
        str | None, typer.Option("--url", help="The server has an address.", show_default=False)
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME=REFERENCE", help="A variable for it: env:NAME, …"),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", metavar="NAME=REFERENCE", help="A header of every request."),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="FILE", help="Write there, in place of stdout."),
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", help="Without it: what the server calls itself.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Without it: team: and the domain.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="TOOL", help="May be repeated.")
    ] = None,
    trusts: Annotated[
        bool, typer.Option("--trust-annotations", help="Believe what calls itself harmless.")
    ] = False,
    accepts: Annotated[
        bool, typer.Option("--accept", help="Write a file over that differs.")
    ] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Import the tools of an MCP server.

    Starts or asks it, calls no tool, and pins what it lists. Each tool becomes irreversible and
    waits for a person, until you write otherwise. Imported again, the file's differences are shown.
    """
    from remit.cli.importing.mcp import Asked, import_mcp

    asked = Asked(
        command=command or [],
        url=url,
        environment=env or [],
        headers=header or [],
        into=into,
        domain=domain,
        owner=owner,
        only=only or [],
        trusts=trusts,
        accepts=accepts,
    )
    return import_mcp(asked, project, as_json=as_json)
