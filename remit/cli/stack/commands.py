"""The commands about a project's stack as they are typed.

As in `remit.cli.commands`, what they do is imported when one runs.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from remit.cli.options import AsJson, InProject, StackFolder


def up(
    folder: StackFolder = None,
    profile: Annotated[
        Literal["light", "full"] | None,
        typer.Option(
            "--profile",
            help="light: Temporal's development server on a file. full: Temporal's server on "
            "PostgreSQL. Without it: the one that the project's stack has, else light.",
            show_default=False,
        ),
    ] = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Start the stack.

    Temporal, OPA, the project's services, workers. What runs and is healthy is left alone.
    """
    from remit.cli.control import up as start

    return start(folder or project, profile, as_json=as_json)


def down(folder: StackFolder = None, project: InProject = None, as_json: AsJson = False) -> int:
    """Stop the stack.

    Databases and logs stay where they are.
    """
    from remit.cli.control import down as start

    return start(folder or project, as_json=as_json)


def status(folder: StackFolder = None, project: InProject = None, as_json: AsJson = False) -> int:
    """Tell how the stack is.

    The exit code is 0 when all of it is healthy, else 3.
    """
    from remit.cli.control import status as start

    return start(folder or project, as_json=as_json)


def env(folder: StackFolder = None, project: InProject = None, as_json: AsJson = False) -> int:
    """Print a line for the shell: PATH and addresses.

    `eval "$(remit env)"` puts the stack's own `temporal` and `opa` on PATH.
    """
    from remit.cli.control import env as start

    return start(folder or project, as_json=as_json)


def console(
    folder: StackFolder = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, help="Port to listen on.", show_default=False),
    ] = None,
    project: InProject = None,
) -> int:
    """Serve the web console of a running stack.

    Inbox, approvals, runs. Without [console.oidc] in remit.toml it listens on this machine alone.
    """
    from remit.cli.console import console as start

    return start(folder or project, port)


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Copy Temporal's database and the ledger, while they are used.

    The two fit together: what Temporal knows of, the ledger knows.
    """
    from remit.cli.safekeeping import backup as start

    return start(folder, project, as_json=as_json)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `remit backup` wrote.")],
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Put a backup in the place of a stopped stack's databases.

    What stood there is moved aside and kept. The log of all records begins anew.
    """
    from remit.cli.safekeeping import restore as start

    return start(folder, project, as_json=as_json)
