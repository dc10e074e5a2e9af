"""What several commands share: options and settings, so that they are spelt and explained alike."""

from pathlib import Path
from typing import Annotated

import typer

HELP = {"help_option_names": ["-h", "--help"]}
"""Settings of every application: how its help is asked for."""
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")
]
InProject = Annotated[
    Path | None,
    typer.Option(
        "--project",
        help="Folder with remit.toml. Without it: $REMIT_PROJECT, else the nearest one upwards "
        "from the file or from here, else the examples of a checkout.",
        show_default=False,
    ),
]
PlanFile = Annotated[
    str, typer.Argument(metavar="FILE", help="A plan in JSON or YAML; - reads standard input.")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="NAME=VALUE",
        help="An input of the plan, or a JSON object of several; may be repeated.",
        show_default=False,
    ),
]
Speaking = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="NAME",
        help="Who you are. Without it: $REMIT_AS, else whom the key's file names.",
        show_default=False,
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help="Your key, which proves who you are. Without it: $REMIT_KEY; without both the name "
        "is a claim.",
        show_default=False,
    ),
]
Sure = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who orders it.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]
ArchiveFile = Annotated[
    Path | None,
    typer.Option(
        "--archive",
        metavar="FILE",
        help="Ask an archive of evidence, in place of the project's ledger.",
        show_default=False,
    ),
]
StackFolder = Annotated[
    Path | None, typer.Argument(metavar="[DIR]", help="The project.", show_default=False)
]


def group(name: str, about: str) -> typer.Typer:
    """Return a group of commands, still without any."""
    return typer.Typer(
        name=name, help=about, no_args_is_help=True, rich_markup_mode=None, context_settings=HELP
    )
