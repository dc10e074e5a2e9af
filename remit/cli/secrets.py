"""`remit secrets` as it is typed. What the commands do is imported when they run."""

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.options import AsJson, InProject, group

_Agent = Annotated[
    str | None,
    typer.Option("--agent", metavar="NAME", help="What `{agent}` stands for.", show_default=False),
]
_Tenant = Annotated[
    str | None,
    typer.Option(
        "--tenant", metavar="NAME", help="What `{tenant}` stands for.", show_default=False
    ),
]


def make_secrets_app() -> typer.Typer:
    """Return the group of commands about credentials."""
    app = group("secrets", "Credentials that tools are called with.")
    app.callback()(_secrets)
    app.command("check")(check)
    app.command("scan")(scan)
    return app


def _secrets() -> None:
    """Credentials that tools are called with."""


def check(
    agent: _Agent = None,
    tenant: _Tenant = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Tell which references of the catalogue lead to a secret.

    Reads them in this shell's environment, and prints no value. The exit code is 1 when one does
    not resolve.
    """
    from remit.cli.credentials import check as start

    return start(project, agent, tenant, as_json=as_json)


def scan(
    places: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PLACE]...",
            help="Files and folders; without one, all that the project's stack keeps.",
            show_default=False,
        ),
    ] = None,
    values: Annotated[
        Path | None,
        typer.Option(
            "--values",
            metavar="FILE",
            help="Look for these too, one a line.",
            show_default=False,
        ),
    ] = None,
    agent: _Agent = None,
    tenant: _Tenant = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Look for secrets where none may be: histories, ledger, logs, archives.

    Looks for all that the catalogue refers to, plain, encoded and escaped, and prints no value. The
    exit code is 1 when something is found, or could not be read.
    """
    from remit.cli.credentials import scan as start

    return start(places or [], values, project, agent, tenant, as_json=as_json)
