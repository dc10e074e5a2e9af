"""The commands about gates and keys as they are typed; what they do stands in other modules.

As in `remit.cli.commands`, those are imported when a command runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from remit.cli.options import AsJson, InProject, KeyFile, Speaking, Sure, group

if TYPE_CHECKING:
    from remit.canonical import JSONObject
    from remit.decision.facts import Verb

Run = Annotated[str, typer.Argument(metavar="RUN", help="Workflow id of a run.")]
Step = Annotated[str, typer.Argument(metavar="STEP", help="Path of the call, as it is listed.")]
Steps = Annotated[
    list[str],
    typer.Argument(metavar="STEP...", help="Paths of calls; several only of the same request."),
]
Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why; it is recorded.")]


def approve(
    run: Run,
    steps: Steps,
    comment: Comment = "",
    by: Speaking = None,
    key: KeyFile = None,
    is_sure: Sure = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Approve what waits at a gate.

    Shows it and asks first. With a key the vote is signed; without one the name is a claim.
    """
    more = _commented(comment)
    return _cast("approve", run, steps, more, by, key, is_sure, project, as_json)


def reject(
    run: Run,
    step: Step,
    comment: Comment = "",
    by: Speaking = None,
    key: KeyFile = None,
    is_sure: Sure = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Say no at a gate; the run is undone."""
    return _cast("reject", run, [step], _commented(comment), by, key, is_sure, project, as_json)


def edit(
    run: Run,
    step: Step,
    args: Annotated[
        str,
        typer.Option("--args", metavar="JSON|FILE", help="All new arguments; - reads stdin."),
    ],
    comment: Comment = "",
    by: Speaking = None,
    key: KeyFile = None,
    is_sure: Sure = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Have a call made with other arguments.

    They are checked and judged anew; policy may ask again.
    """
    from remit.cli.approvals.voting import json_of

    more = {"args": json_of(args, "--args"), **_commented(comment)}
    return _cast("edit", run, [step], more, by, key, is_sure, project, as_json)


def request_changes(
    run: Run,
    step: Step,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="What to change.")],
    by: Speaking = None,
    key: KeyFile = None,
    is_sure: Sure = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Ask whoever planned it for changes."""
    more = _commented(comment)
    return _cast("request_changes", run, [step], more, by, key, is_sure, project, as_json)


def delegate(
    run: Run,
    step: Step,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="Who is to vote instead.")],
    comment: Comment = "",
    by: Speaking = None,
    key: KeyFile = None,
    is_sure: Sure = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Hand your vote at a gate over."""
    more = {"to": to, **_commented(comment)}
    return _cast("delegate", run, [step], more, by, key, is_sure, project, as_json)


def claim(
    run: Run,
    step: Step,
    by: Speaking = None,
    key: KeyFile = None,
    is_sure: Sure = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Take a gate in hand, so that nobody else works on it too."""
    return _cast("claim", run, [step], {}, by, key, is_sure, project, as_json)


def release(
    run: Run,
    step: Step,
    by: Speaking = None,
    key: KeyFile = None,
    is_sure: Sure = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Give a gate free again, and take a vote back that was handed over."""
    return _cast("release", run, [step], {}, by, key, is_sure, project, as_json)


def take_over(
    run: Run,
    step: Step,
    output: Annotated[
        str,
        typer.Option("--output", metavar="JSON|FILE", help="What came of it; - reads stdin."),
    ],
    comment: Comment = "",
    by: Speaking = None,
    key: KeyFile = None,
    is_sure: Sure = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Say that a call was done by hand; nothing is called."""
    from remit.cli.approvals.voting import json_of

    more = {"output": json_of(output, "--output"), **_commented(comment)}
    return _cast("take_over", run, [step], more, by, key, is_sure, project, as_json)


def inbox(
    role: Annotated[
        str | None, typer.Option("--role", metavar="ROLE", help="Only what asks this role.")
    ] = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """List every open gate: who asks, what, until when, and what to type."""
    from remit.cli.approvals.inbox import inbox as start

    return start(role, project, as_json=as_json)


def new_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the key is to be.")],
    by: Annotated[str, typer.Option("--as", metavar="NAME", help="Whose key it is.")],
    as_json: AsJson = False,
) -> int:
    """Make a key (Ed25519) for its owner alone, and print its public half."""
    from remit.cli.keys import new as start

    return start(file, by, as_json=as_json)


def show_key(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The key; without it, $REMIT_KEY.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Print a key's public half, as the file of whom to trust takes it."""
    from remit.cli.keys import show as start

    return start(file, as_json=as_json)


def check_keys(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Whom to trust; without it, the project's."),
    ] = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Check a file of whom to trust, and list who may say what."""
    from remit.cli.keys import check as start

    return start(file, project, as_json=as_json)


def add_commands(app: typer.Typer) -> None:
    """Give an application the commands of this module."""
    verbs = (approve, reject, edit, request_changes, delegate, claim, release, take_over, inbox)
    for verb in verbs:
        app.command(verb.__name__.replace("_", "-"))(verb)
    keys = group("keys", "Keys by which people prove who they are.")
    keys.command("new")(new_key)
    keys.command("show")(show_key)
    keys.command("check")(check_keys)
    app.add_typer(keys)


def _commented(comment: str) -> "JSONObject":
    return {"comment": comment} if comment else {}


def _cast(
    verb: "Verb",
    run: str,
    steps: list[str],
    more: "JSONObject",
    by: str | None,
    key: Path | None,
    is_sure: bool,
    project: Path | None,
    as_json: bool,
) -> int:
    from remit.cli.approvals.voting import Wish, cast
    from remit.cli.keys import speaker

    wish = Wish(run, steps, verb, more)
    return cast(wish, speaker(by, key), project, is_sure=is_sure, as_json=as_json)
