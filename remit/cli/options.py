"""Options that several commands share, so that they are spelt and explained alike."""

from pathlib import Path
from typing import Annotated

import typer

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
StackFolder = Annotated[
    Path | None, typer.Argument(metavar="[DIR]", help="The project.", show_default=False)
]
