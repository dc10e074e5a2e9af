"""`remit notify` as it is typed. What the command does is imported when it runs."""

from typing import Annotated

import typer

from remit.cli.options import AsJson, InProject, group


def make_notify_app() -> typer.Typer:
    """Return the group of commands about messages to people."""
    app = group("notify", "Tell people what waits for them.")
    # A group of one would be a command by itself.
    app.callback()(_notify)
    app.command("test")(trial)
    return app


def _notify() -> None:
    """Tell people what waits for them."""


def trial(
    role: Annotated[str, typer.Argument(metavar="ROLE", help="As gates name it.")],
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Send a test message by every channel of a role.

    Needs no stack. The exit code is 3 when a channel does not take it.
    """
    from remit.cli.notifying import send as start

    return start(role, project, as_json=as_json)
