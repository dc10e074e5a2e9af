"""`remit policy …` as it is typed. What the commands do is imported when one runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from remit.cli.canary.commands import make_canary_app
from remit.cli.options import ArchiveFile, AsJson, InProject, Reason, group
from remit.cli.policy_delivery.commands import add_delivery
from remit.cli.shadow.commands import make_shadow_app

Candidate = Annotated[
    Path,
    typer.Option("--candidate", metavar="DIR", help="Folder of the policies that are proposed."),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="A day or a moment; without it everything.",
        show_default=False,
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="REVISION",
        help="Compare with these; without it with the policies in force.",
        show_default=False,
    ),
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write the report, which `remit policy approve` and a promotion take.",
        show_default=False,
    ),
]
PageFile = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write one readable page, with the plans' graphs.",
        show_default=False,
    ),
]
TestsFolder = Annotated[
    Path | None,
    typer.Option(
        "--tests",
        metavar="DIR",
        help="Write the smallest facts that differ, each as a test in Rego.",
        show_default=False,
    ),
]
Temporal = Annotated[
    str | None,
    typer.Option(
        "--temporal",
        metavar="HOST:PORT",
        help="Look through the histories there for decisions that the ledger lacks.",
        show_default=False,
    ),
]
Namespace = Annotated[str, typer.Option("--namespace", metavar="NAME", help="Of these histories.")]


def make_policy_app() -> typer.Typer:
    """Return the group of commands about policies."""
    app = group("policy", "Look after policies.")
    app.command("check")(check)
    app.command("what-if")(what_if)
    app.command("approve")(approve)
    app.command("log")(log)
    add_delivery(app)
    app.add_typer(make_shadow_app())
    app.add_typer(make_canary_app())
    return app


def check(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="A folder of policies; without it the project's."),
    ] = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Tell all that is wrong with policies, and put nothing in force.

    Types, packages and data as they are checked for a bundle; codes that mean two things; the
    project's own tests; format. Needs no ledger and no stack.
    """
    from remit.cli.policy.checking import check as start

    return start(folder, project, as_json=as_json)


def what_if(
    candidate: Candidate,
    since: Since = None,
    base: Base = None,
    report: ReportFile = None,
    html: PageFile = None,
    tests: TestsFolder = None,
    archive: ArchiveFile = None,
    temporal: Temporal = None,
    namespace: Namespace = "default",
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Tell what a candidate for the policies would have changed.

    Puts the recorded facts of past decisions to their own rules, to the rules in force and to the
    candidate's. Of each run the first difference is told; the exit code is 1 when the candidate
    errs or something cannot be reproduced. Needs the ledger, no running stack.
    """
    from remit.cli.whatif.command import Outputs
    from remit.cli.whatif.command import since as moment
    from remit.cli.whatif.command import what_if as start
    from remit.cli.whatif.making import Question

    question = Question(
        candidate,
        moment(since),
        base or "",
        project,
        temporal=temporal or "",
        namespace=namespace,
    )
    return start(question, archive, Outputs(report, tests, html), as_json=as_json)


def approve(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="What `what-if` wrote.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who approves it.")],
    reason: Reason = "",
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Approve a candidate by the report of its what-if.

    Names the report by its digest, so that it counts for these policies and this comparison alone.
    A candidate that permits more than the policies in force needs somebody with the role
    `policy_owner`, other than its author; the policies in force decide that when it is promoted.
    """
    from remit.cli.whatif.approving import approve as start

    return start(report, by, reason, project, as_json=as_json)


def log(
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="A day or a moment; without it everything.",
            show_default=False,
        ),
    ] = None,
    after: Annotated[
        int | None,
        typer.Option(
            "--after",
            metavar="POSITION",
            help="Go on behind the last line that was taken.",
            min=-1,
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        Literal["text", "jsonl"],
        typer.Option("--format", help="For people, or one JSON document a line."),
    ] = "text",
    contents: Annotated[
        bool,
        typer.Option(
            "--contents", help="With messages and arguments, except where data has a class."
        ),
    ] = False,
    project: InProject = None,
) -> int:
    """Print the decisions that the ledger records, in the order of its signed log.

    Each line has a position, and a position is never given twice, so that `--after` with the last
    one goes on without loss. Needs the ledger, no running stack.
    """
    from remit.cli.decisionlog import Wanted
    from remit.cli.decisionlog import log as start
    from remit.cli.whatif.command import since as moment

    first = 0 if after is None else after + 1
    wanted = Wanted(moment(since), first, contents=contents, as_lines=form == "jsonl")
    return start(wanted, project)
