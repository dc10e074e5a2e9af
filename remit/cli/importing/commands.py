"""`remit tools …` as it is typed: the list by itself, and how tools are imported.

What the commands do is imported when one runs.
"""

from pathlib import Path
from typing import Annotated

import typer
from typer._click.core import Context
from typer.core import TyperGroup

from remit.cli.contracts.commands import add_commands
from remit.cli.options import HELP, AsJson, InProject, group

Into = Annotated[
    Path | None,
    typer.Option(
        "--into",
        metavar="FILE",
        help="A file of the project's tools. Without it tools/DOMAIN.yaml.",
        show_default=False,
    ),
]

Owner = Annotated[
    str | None, typer.Option("--owner", metavar="NAME", help="Who owns them; team:DOMAIN without.")
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="GLOB",
        help="Those to take: by tool name, or by what the service calls them (an operation also "
        "as `METHOD /path`); may be repeated.",
        show_default=False,
    ),
]
Destination = Annotated[
    list[str] | None,
    typer.Option(
        "--destination",
        metavar="HOST",
        help="Hosts that may be reached, in place of the server's.",
        show_default=False,
    ),
]
Region = Annotated[
    str | None, typer.Option("--region", help="Where the service is; `unstated` without it.")
]
Write = Annotated[bool, typer.Option("--write", help="Take a difference over.")]
DiscardEdits = Annotated[
    bool, typer.Option("--discard-edits", help="Write over edits of the imported file.")
]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="SCHEME=REFERENCE",
        help="Where a security scheme's secret is, say bearer=env:TOKEN.",
        show_default=False,
    ),
]
ServerCommand = Annotated[
    list[str] | None,
    typer.Argument(metavar="[COMMAND ARGUMENT...]", help="What starts it, after --stdio."),
]
ServerUrl = Annotated[
    str | None, typer.Option("--url", help="The server has an address.", show_default=False)
]
Variables = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME=REFERENCE", help="A variable for it: env:NAME, …"),
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="NAME=REFERENCE", help="A header of every request."),
]
OneDomain = Annotated[
    str | None,
    typer.Option(
        "--domain",
        metavar="NAME",
        help="Domain of the tools. Without it the name of the file, or of the server.",
        show_default=False,
    ),
]


class _ToolsGroup(TyperGroup):
    """Takes `remit tools NAME@MAJOR` for `remit tools show NAME@MAJOR`; nothing is the list."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the command line."""
        if not args or args[0] not in {*self.commands, *HELP["help_option_names"]}:
            args = ["show", *args]
        return super().parse_args(ctx, args)


def make_tools_app() -> typer.Typer:
    """Return the group of commands about tools."""
    app = typer.Typer(
        name="tools",
        help="List the tools that plans may name, show one, import those of a service.",
        cls=_ToolsGroup,
        rich_markup_mode=None,
        context_settings=HELP,
    )
    app.command("show")(show)
    app.command("sql-keys")(sql_keys)
    add_commands(app)
    imports = group("import", "Write the tools of a service into the project.")
    imports.callback()(_imports)
    imports.command("openapi")(openapi)
    # What follows `--stdio` is the server's command, options and all.
    imports.command("mcp", context_settings={"allow_interspersed_args": False})(mcp)
    app.add_typer(imports)
    return app


def _imports() -> None:
    """Write the tools of a service into the project."""


def show(
    ref: Annotated[str | None, typer.Argument(metavar="[NAME@MAJOR]")] = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """List the tools that plans may name, or show one contract."""
    from remit.cli.catalogue import tools as start

    return start(ref, project, as_json=as_json)


def sql_keys(project: InProject = None, as_json: AsJson = False) -> int:
    """Print the tables that keep the step keys of `sql` tools."""
    from remit.cli.sqlkeys import sql_keys as start

    return start(project, as_json=as_json)


def openapi(
    source: Annotated[str, typer.Argument(metavar="URL|FILE", help="OpenAPI 3.0 or 3.1.")],
    into: Into = None,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            "--domain",
            metavar="NAME",
            help="Domain of the tools; more than one lets `erp.place_order` be in `erp`. "
            "Without it the name of the file or host.",
            show_default=False,
        ),
    ] = None,
    owner: Owner = None,
    only: Only = None,
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="URL", help="In place of the document's servers."),
    ] = None,
    destination: Destination = None,
    region: Region = None,
    secret: Secrets = None,
    write: Write = False,
    discard_edits: DiscardEdits = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Import the operations of an OpenAPI document as tools.

    Prints what is left out and what is worth a look. Typed again, it prints what changed, and
    writes with --write. Changes of your own belong into FILE.overrides.yaml.
    """
    from remit.cli.importing.openapi import Asked
    from remit.cli.importing.openapi import openapi as start
    from remit.cli.importing.writing import How

    many = (tuple(each or ()) for each in (domain, only, destination, secret))
    domains, wanted, destinations, secrets = many
    asked = Asked(source, into, domains, owner, wanted, server, destinations, region, secrets)
    return start(asked, project, How(write, discard_edits, as_json))


def mcp(
    command: ServerCommand = None,
    stdio: Annotated[
        bool, typer.Option("--stdio", help="The server is a command; all that follows is it.")
    ] = False,
    url: ServerUrl = None,
    env: Variables = None,
    header: Headers = None,
    into: Into = None,
    domain: OneDomain = None,
    owner: Owner = None,
    only: Only = None,
    destination: Destination = None,
    region: Region = None,
    trusts: Annotated[
        bool, typer.Option("--trust-annotations", help="Believe what calls itself harmless.")
    ] = False,
    write: Write = False,
    discard_edits: DiscardEdits = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Import the tools of an MCP server.

    Starts or asks it, calls no tool, and pins what it lists. Each tool becomes irreversible and
    waits for a person. Typed again, it prints what changed, and writes with --write. Changes of
    your own belong into FILE.overrides.yaml.
    """
    from remit.cli.importing.mcp import Asked, import_mcp
    from remit.cli.importing.writing import How

    asked = Asked(
        command=tuple(command or ()),
        url=url,
        environment=tuple(env or ()),
        headers=tuple(header or ()),
        into=into,
        domain=domain,
        owner=owner,
        only=tuple(only or ()),
        destinations=tuple(destination or ()),
        region=region,
        trusts=trusts,
    )
    return import_mcp(asked, project, How(write, discard_edits, as_json))
