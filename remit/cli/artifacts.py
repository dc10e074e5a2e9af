"""`remit artifacts`: large results, by the digest that outputs name them by."""

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.options import AsJson, InProject, group


def make_artifacts_app() -> typer.Typer:
    """Return the group of commands about artifacts."""
    app = group("artifacts", "Large results of tools, by digest.")
    app.callback()(_artifacts)
    app.command("get")(get)
    return app


def _artifacts() -> None:
    """Large results of tools, by digest."""


def get(
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="As an output names it.")],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", help="Without it: stdout, as it is.", show_default=False
        ),
    ] = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Write an artifact to a file or to stdout.

    Reads the store itself ($REMIT_ARTIFACTS, else the project's), with this shell's
    $REMIT_CONTENT_KEYS where artifacts are sealed. It is checked against its digest first.
    """
    from remit.cli.fetching import fetch

    return fetch(digest, to, project, as_json=as_json)
