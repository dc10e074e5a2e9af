"""`remit quarantine`: answers that were not good enough, as the commands are typed."""

from enum import StrEnum
from typing import Annotated

import typer

from remit.cli.options import AsJson, By, InProject, Reason, group

Reference = Annotated[str, typer.Argument(metavar="REF", help="As `list` and the failure name it.")]


class State(StrEnum):
    """What became of an answer."""

    HELD = "held"
    RELEASED = "released"
    DISCARDED = "discarded"


def make_quarantine_app() -> typer.Typer:
    """Return the group of commands about quarantine."""
    app = group("quarantine", "Answers that were not good enough to go on with.")
    app.callback()(_quarantine)
    app.command("list")(list_)
    app.command("show")(show)
    app.command("release")(release)
    app.command("discard")(discard)
    return app


def _quarantine() -> None:
    """Answers that were not good enough to go on with."""


def list_(
    state: Annotated[State, typer.Option("--state", help="Which ones.")] = State.HELD,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """List answers, the newest 200 first: reference, code, tool, who answers for it, and why.

    Needs the ledger, no running stack.
    """
    from remit.cli.quarantining import list_all

    return list_all(state.value, project, as_json=as_json)


def show(
    reference: Reference,
    content: Annotated[
        bool, typer.Option("--content", help="With the answer itself, as JSON.")
    ] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Tell which bounds an answer misses, and what became of it.

    The answer itself is shown only if asked for. Needs the ledger, no running stack.
    """
    from remit.cli.quarantining import show_one

    return show_one(reference, project, content=content, as_json=as_json)


def release(
    reference: Reference,
    by: By,
    reason: Reason,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Let the very same answer of the tool pass, in any run of its tenant.

    What its own run did goes on as it is: start the plan again. Policy judges who orders it.
    """
    from remit.cli.quarantining import end

    return end("quarantine_release", reference, by, reason, project, as_json=as_json)


def discard(
    reference: Reference,
    by: By,
    reason: Reason,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Forget an answer whose run is over; which bounds it missed is still known.

    Policy judges who orders it.
    """
    from remit.cli.quarantining import end

    return end("quarantine_discard", reference, by, reason, project, as_json=as_json)
