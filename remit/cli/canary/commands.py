"""`remit policy canary …` as it is typed. What the commands do is imported when one runs."""

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.options import AsJson, By, InProject, Reason, group
from remit.cli.policy_delivery.commands import Key, Report


def make_canary_app() -> typer.Typer:
    """Return the group of commands about a candidate that decides for some runs."""
    app = group("canary", "Let a candidate decide for a share of the new runs.")
    app.command("start")(start)
    app.command("status")(status)
    app.command("stop")(stop)
    return app


def start(
    candidate: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of the policies that are proposed.")
    ],
    percent: Annotated[
        int, typer.Option("--percent", help="Share of the new runs that it decides.", min=1, max=50)
    ],
    by: By,
    reason: Reason = "",
    report: Report = None,
    minutes: Annotated[
        int, typer.Option("--minutes", help="It is over after so long.", min=1, max=10_080)
    ] = 60,
    window_s: Annotated[
        int, typer.Option("--window", metavar="SECONDS", help="How far back is looked.", min=5)
    ] = 300,
    least: Annotated[
        int, typer.Option("--least", help="Decisions of each side before they are compared.", min=1)
    ] = 20,
    errors: Annotated[
        int, typer.Option("--errors", help="Questions without an answer that end it.", min=1)
    ] = 3,
    slower: Annotated[
        int, typer.Option("--slower", help="Times as slow as the policies in force ends it.", min=1)
    ] = 4,
    denials: Annotated[
        int,
        typer.Option(
            "--denials", help="Percentage points more denials than theirs end it.", min=0, max=100
        ),
    ] = 10,
    key: Key = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Let a candidate decide for a share of the new runs, each for all of its life.

    It is served by an OPA of its own. Where policies are reviewed it needs what publishing it
    would need. It comes back by itself at a limit, after its time, and when anything is released:
    its runs are decided by the policies in force from then on. Needs the running stack.
    """
    from remit.cli.canary.controlling import Wanted
    from remit.cli.canary.controlling import start as begin
    from remit.decision.canary import Limits

    limits = Limits(
        window_ms=window_s * 1000, least=least, errors=errors, slower=slower, denials=denials
    )
    wanted = Wanted(candidate, percent, minutes, by, reason, report, limits, key)
    return begin(wanted, project, as_json=as_json)


def status(project: InProject = None, as_json: AsJson = False) -> int:
    """Tell which canary decides, or how the last one ended, and what was counted on both sides.

    The exit code is 3 when one decides and its OPA does not answer here.
    """
    from remit.cli.canary.controlling import status as tell

    return tell(project, as_json=as_json)


def stop(by: By, reason: Reason = "", project: InProject = None, as_json: AsJson = False) -> int:
    """Let the policies in force decide for all runs again, and end the candidate's OPA."""
    from remit.cli.canary.controlling import stop as end

    return end(by, reason, project, as_json=as_json)
