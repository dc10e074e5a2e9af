"""`remit policy …` as it is typed. What the commands do is imported when one runs."""

import typer

from remit.cli.policy_delivery.commands import add_delivery


def make_policy_app() -> typer.Typer:
    """Return the group of commands about policies."""
    app = typer.Typer(
        name="policy",
        help="Look after policies.",
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    add_delivery(app)
    return app
