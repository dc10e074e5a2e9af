"""`remit tools export`, `check`, `verify` and `docs` as they are typed. What they do is imported
when one runs."""

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.options import AsJson, InProject, KeyFile, Speaking

Expectations = Annotated[
    list[Path] | None,
    typer.Option(
        "--expectations",
        metavar="FILE|DIR",
        help="What consumers expect, in place of the project's `expectations`; may be repeated.",
        show_default=False,
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Give the group about tools the commands of this module."""
    for command in (export, check, verify, docs):
        app.command(command.__name__)(command)


def export(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a file instead of stdout.")
    ] = None,
    project: InProject = None,
) -> int:
    """Print every contract whole: a baseline for `tools check`."""
    from remit.cli.contracts.checking import export as start

    return start(output, project)


def docs(project: InProject = None) -> int:
    """Print the catalogue as a page of Markdown."""
    from remit.cli.contracts.cataloguing import docs as start

    return start(project)


def check(
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="FILE|DIR|COMMIT",
            help="An export, another folder of the project, or a commit of its repository.",
            show_default=False,
        ),
    ] = None,
    expectations: Expectations = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Say what contracts break: for plans that know earlier ones, for consumers' expectations.

    Exit code 1 when one does: for CI. What cannot be shown to be harmless counts as breaking.
    """
    from remit.cli.contracts.checking import check as start

    return start(against, expectations or (), project, as_json=as_json)


def verify(
    consumers: Annotated[
        list[str] | None,
        typer.Argument(metavar="CONSUMER", help="Only these.", show_default=False),
    ] = None,
    expectations: Expectations = None,
    within: Annotated[
        float,
        typer.Option("--within", min=1, max=3600, help="Longest wait for an answer, in seconds."),
    ] = 60.0,
    by: Speaking = None,
    key: KeyFile = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Ask the running services what consumers expect of them.

    Each example is a governed run as the consumer's agent. Calls with an effect are made in the
    consumer's sandbox alone, and undone. Exit code 1 when something is otherwise.
    """
    from remit.cli.contracts.verifying import Wanted
    from remit.cli.contracts.verifying import verify as start
    from remit.cli.keys import starter

    wanted = Wanted(consumers or (), expectations or (), within, starter(by, key))
    return start(wanted, project, as_json=as_json)
