"""`remit policy …` as it is typed. What the commands do is imported when one runs."""

import typer

from remit.cli.options import group
from remit.cli.policy_delivery.commands import add_delivery


def make_policy_app() -> typer.Typer:
    """Return the group of commands about policies."""
    app = group("policy", "Look after policies.")
    add_delivery(app)
    return app
