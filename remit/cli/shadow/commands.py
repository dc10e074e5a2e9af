"""`remit policy shadow …` as it is typed. What the commands do is imported when one runs."""

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.options import AsJson, InProject, group
from remit.cli.policy_delivery.commands import Key


def make_shadow_app() -> typer.Typer:
    """Return the group of commands about a candidate that looks on."""
    app = group("shadow", "Ask a candidate about live decisions, beside the policies that decide.")
    app.command("start")(start)
    app.command("status")(status)
    app.command("report")(report)
    app.command("stop")(stop)
    return app


def start(
    candidate: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="Folder of the policies that are proposed.", show_default=False
        ),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(
            "--release",
            metavar="RELEASE",
            help="In place of a folder: a release, by its serial number or revision.",
            show_default=False,
        ),
    ] = None,
    percent: Annotated[
        int,
        typer.Option("--percent", help="Share of the runs that is compared.", min=1, max=100),
    ] = 100,
    deadline_ms: Annotated[
        int,
        typer.Option(
            "--deadline-ms", help="How long the candidate may take to answer.", min=10, max=10_000
        ),
    ] = 1000,
    key: Key = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Ask a candidate what it would have decided, from now on.

    It is served by an OPA of its own beside the one that decides, and asked after it. Nothing waits
    for it and nothing is decided by it. It takes the place of a candidate that was there; workers
    need no restart. Needs the running stack.
    """
    from remit.cli.shadow.controlling import Wanted
    from remit.cli.shadow.controlling import start as begin

    wanted = Wanted(candidate, release, percent, deadline_ms, key)
    return begin(wanted, project, as_json=as_json)


def status(project: InProject = None, as_json: AsJson = False) -> int:
    """Tell which candidate is asked, how its OPA is, and how much was compared.

    The exit code is 3 when there is one and its OPA does not answer.
    """
    from remit.cli.shadow.controlling import status as tell

    return tell(project, as_json=as_json)


def report(
    revision: Annotated[
        str | None,
        typer.Option(
            "--candidate",
            metavar="REVISION",
            help="Of an earlier candidate, by the beginning of its revision.",
            show_default=False,
        ),
    ] = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Tell what the candidate would have decided otherwise, in the classes of `what-if`.

    Of each run the first difference is told. Reads files; needs no stack. The exit code is 1 when
    the candidate gave answers that could not be trusted.
    """
    from remit.cli.shadow.telling import report as tell

    return tell(revision, project, as_json=as_json)


def stop(project: InProject = None, as_json: AsJson = False) -> int:
    """Ask the candidate no more, and end its OPA. What was found stays for `report`."""
    from remit.cli.shadow.controlling import stop as end

    return end(project, as_json=as_json)
