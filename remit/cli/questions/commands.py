"""The auditor's questions as they are typed. What answers them is imported when one is asked."""

from enum import StrEnum
from typing import Annotated

import typer

from remit.cli.errors import usage
from remit.cli.options import ArchiveFile, AsJson, InProject, group

Run = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="A workflow id, or a run's root id.", show_default=False),
]


class Section(StrEnum):
    """A question about a run."""

    WHO = "who"
    TOUCHED = "touched"
    RULES = "rules"


def make_decision_app() -> typer.Typer:
    """Return the group of commands about decisions."""
    app = group("decision", "Ask past policy decisions again.")
    # A group of one would be a command by itself.
    app.callback()(_decisions)
    app.command("replay")(replay)
    return app


def _decisions() -> None:
    """Ask past policy decisions again."""


def replay(
    run: Run = None,
    step: Annotated[
        str | None,
        typer.Option("--step", metavar="STEP", help="Only of one step, by path or id."),
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            "--rules",
            metavar="then|today|DIR",
            help="The bundles that decided then, the project's policies of today, or a folder of "
            "policies; may be repeated. Without it: then and today; of an archive: then.",
            show_default=False,
        ),
    ] = None,
    archive: ArchiveFile = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Put the recorded facts to OPA again.

    Tells decision by decision whether the verdict is the recorded one, which actions other rules
    would refuse or gate, and whether the plan compiles to the same digest. The exit code is 1 when
    something differs or cannot be reproduced. Needs no running stack.
    """
    from remit.cli.questions.opening import Wanted
    from remit.cli.questions.replaying import replay as start

    return start(Wanted(run, archive, project), step, rules or [], as_json=as_json)


def cases(
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Of gates that opened then or later: a day or a moment.",
            show_default=False,
        ),
    ] = None,
    contents: Annotated[
        bool,
        typer.Option("--contents", help="With arguments, except where data has a class."),
    ] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Tell what people answered at gates, as labelled cases.

    What was asked, what they said, how the run ended; --json prints one document a line. Needs the
    ledger, no running stack.
    """
    from remit.cli.cases import cases as start
    from remit.cli.whatif.command import since as moment

    return start(moment(since), project, contents=contents, as_json=as_json)


def state(
    run: Run = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="SEQ|TIME",
            help="A record's number, or a time such as 2026-11-21T09:00:00Z. Without it: the last.",
            show_default=False,
        ),
    ] = None,
    archive: ArchiveFile = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Tell how a run stood at a moment.

    Steps, gates, totals and what was on the undo list, from the records up to there alone.
    """
    from remit.cli.questions.moment import state as start
    from remit.cli.questions.opening import Wanted

    return start(Wanted(run, archive, project), at, as_json=as_json)


def lineage(
    subject: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN] STEP | DIGEST",
            help="A step of a run, by path or id (of an archive: STEP alone); or, for --input, "
            "the digest of a value.",
            show_default=False,
        ),
    ] = None,
    of_outcome: Annotated[
        bool, typer.Option("--outcome", help="What the step's outcome came from.")
    ] = False,
    of_input: Annotated[
        bool, typer.Option("--input", help="Every effect that used the value, over all runs.")
    ] = False,
    archive: ArchiveFile = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Follow values through runs: back to their sources, or on to the effects.

    The edges are the references of the compiled plans; the ledger alone is read.
    """
    from remit.cli.questions.opening import Wanted

    given = subject or []
    if of_outcome == of_input or not 1 <= len(given) <= 2 or (archive and len(given) != 1):
        hint = "`remit lineage --outcome RUN STEP`, or `remit lineage --input DIGEST`"
        raise usage("CLI-USAGE", "say which way, and what of", hint)
    if of_input:
        from remit.cli.questions.using import used

        return used(Wanted(None, archive, project), given, as_json=as_json)
    from remit.cli.questions.tracing import outcome

    run = given[0] if len(given) == 2 else None
    return outcome(Wanted(run, archive, project), given[-1], as_json=as_json)


def audit(
    run: Run = None,
    only: Annotated[
        list[Section] | None,
        typer.Option("--only", help="One section; may be repeated.", show_default=False),
    ] = None,
    with_values: Annotated[
        bool,
        typer.Option(
            "--values", help="Show arguments and outputs, where their data class permits it."
        ),
    ] = False,
    archive: ArchiveFile = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Tell who decided, which data was touched, and under which rules."""
    from remit.cli.questions.audit import audit as start
    from remit.cli.questions.opening import Wanted

    wanted = Wanted(run, archive, project)
    sections = [one.value for one in only or []]
    return start(wanted, sections, with_values=with_values, as_json=as_json)
