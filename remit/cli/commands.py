"""The commands about plans and runs as they are typed. What they do stands in other modules.

Those are imported when a command runs, so `remit validate` waits for neither Temporal nor a
database. Nothing heavier than Typer is imported at the top of this file; a test holds it to that.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from remit.cli.options import (
    AsJson,
    By,
    InProject,
    Inputs,
    KeyFile,
    PlanFile,
    Reason,
    Speaking,
)

What = Annotated[
    str,
    typer.Argument(metavar="WHAT", help="fleet, agent:NAME, tool:NAME@MAJOR or tenant:NAME."),
]
Files = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="Plans in JSON or YAML; - reads stdin.")
]


class GraphFormat(StrEnum):
    """What `graph` can draw."""

    MERMAID = "mermaid"
    SVG = "svg"


class SchemaName(StrEnum):
    """Contracts with a JSON Schema."""

    PLAN = "plan"
    FACTS = "facts"
    DECISION = "decision"
    TOOL = "tool"


def validate(
    files: Files,
    as_part: Annotated[
        bool,
        typer.Option("--part", help="They are sub-plans, and given their inputs elsewhere."),
    ] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Check plans as admission does.

    Contract, catalogue, expressions, undoing. Needs no stack and asks no policy.
    """
    from remit.cli.validation import validate as start

    return start(files, project, as_part=as_part, as_json=as_json)


def graph(
    file: PlanFile,
    format: Annotated[
        GraphFormat, typer.Option("--format", help="Mermaid text, or a picture.")
    ] = GraphFormat.MERMAID,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a file instead of stdout.")
    ] = None,
    as_part: Annotated[
        bool, typer.Option("--part", help="It is a sub-plan, and given its inputs elsewhere.")
    ] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Draw a plan's task graph."""
    from remit.cli.graph import Drawing
    from remit.cli.graph import graph as start

    wanted = Drawing(file, format.value, output, as_part)
    return start(wanted, project, as_json=as_json)


def dry_run(
    file: PlanFile,
    inputs: Inputs = None,
    with_why: Annotated[
        bool,
        typer.Option("--why", help="Say which run-time values would turn an allow."),
    ] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Ask the running policies about a plan.

    OPA decides about the whole plan and about every step, in the order in which they would run.
    No tool is called and nothing is written down.
    """
    from remit.cli.rehearsal.command import dry_run as start

    return start(file, inputs or [], project, with_why=with_why, as_json=as_json)


def run(
    file: PlanFile,
    inputs: Inputs = None,
    workflow_id: Annotated[
        str | None,
        typer.Option("--id", help="Workflow id, in place of the one that follows from the plan."),
    ] = None,
    follows: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for the run's end.")
    ] = True,
    by: Speaking = None,
    key: KeyFile = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Run a plan and follow it.

    The same plan with the same inputs starts once: typed again, this shows the run that is there.
    Ctrl-C stops the following, not the run. With a key the start is signed.
    """
    from remit.cli.keys import starter
    from remit.cli.run import run as start

    who = starter(by, key)
    return start(file, inputs or [], workflow_id, project, who, follows=follows, as_json=as_json)


def amend(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Workflow id of a run at work.")],
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="What changes, in JSON or YAML: steps as plans write them, ids to drop; "
            "- reads standard input.",
        ),
    ],
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who proposes it.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")] = None,
    is_dry: Annotated[bool, typer.Option("--dry", help="Judge it, and change nothing.")] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Change steps of a run that have not begun.

    The file names steps to add, to replace (by a known id) and to drop; what has begun stays.
    Policy judges who proposes it, and the amended plan as a whole.
    """
    from remit.cli.amendment import amend as start

    return start(run, file, project, by=by, reason=reason, is_dry=is_dry, as_json=as_json)


def rollback(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Workflow id of a run.")],
    by: By,
    reason: Reason,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Undo a run, at work or completed.

    Policy judges who orders it, and for a completed run whether it is still in time. Waits for
    the end; stopped by Ctrl-C, the undoing goes on.
    """
    from remit.cli.reversal import rollback as start

    return start(run, by, reason, project, as_json=as_json)


def forget(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A workflow id, or a run's root id.")],
    by: By,
    reason: Reason,
    step: Annotated[
        str, typer.Option("--step", metavar="PATH", help="Only this step, and what is below it.")
    ] = "",
    data_class: Annotated[
        str, typer.Option("--class", metavar="CLASS", help="Only contents of this data class.")
    ] = "",
    plans: Annotated[bool, typer.Option("--plans", help="The plan documents too.")] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Delete the contents of a run that is over; its records stay and tell of it.

    Policy judges who orders it. What another run holds too keeps its body until that one lets go.
    """
    from remit.cli.tending import order as start

    given = {"order": "forget", "by": by, "reason": reason, "step": step, "class": data_class}
    return start(run, {**given, "plans": plans}, project, as_json=as_json)


def stop(
    what: What,
    by: By,
    reason: Reason,
    undos: Annotated[bool, typer.Option("--undos", help="Undos too; they go on else.")] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Let no call begin that fits, until `remit go`; runs wait, and lose nothing.

    Policy judges who orders it. What was sent already goes on to its end.
    """
    from remit.cli.stopping import order as give

    return give(
        {"order": "stop", "what": what, "by": by, "reason": reason, "undos": undos},
        project,
        as_json=as_json,
    )


def go(
    what: What,
    by: By,
    reason: Reason,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Let calls go on that were stopped."""
    from remit.cli.stopping import order as give

    return give({"order": "go", "what": what, "by": by, "reason": reason}, project, as_json=as_json)


def stops(project: InProject = None, as_json: AsJson = False) -> int:
    """List what is stopped, by whom and why."""
    from remit.cli.stopping import show

    return show(project, as_json=as_json)


def retain(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A workflow id, or a run's root id.")],
    by: By,
    reason: Reason,
    is_release: Annotated[bool, typer.Option("--release", help="End it.")] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Let nothing of a run be forgotten until it is released.

    Policy judges who orders it, and the run's records tell.
    """
    from remit.cli.tending import order as start

    name = "release" if is_release else "retain"
    return start(run, {"order": name, "by": by, "reason": reason}, project, as_json=as_json)


def rekey(project: InProject = None, as_json: AsJson = False) -> int:
    """Write the ledger's contents anew under the first key of REMIT_CONTENT_KEYS.

    Needs all keys that they are encrypted with. May be broken off and begun again.
    """
    from remit.cli.rekeying import rekey as start

    return start(project, as_json=as_json)


def explain(
    subject: Annotated[str, typer.Argument(metavar="RUN|FILE", help="A workflow id, or a plan.")],
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Tell why each step is there, and how it stands."""
    from remit.cli.explanation import explain as start

    return start(subject, project, as_json=as_json)


def schema(
    name: Annotated[SchemaName, typer.Argument(help="Which contract.")] = SchemaName.PLAN,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Of a plan: in the part that structured output takes."),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Print the JSON Schema of a contract.

    It is JSON with and without --json. docs/agents.md says how a strict document is read back.
    """
    from remit.cli.catalogue import schema as start

    return start(name.value, strict=strict)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    as_json: AsJson = False,
) -> int:
    """Make a project folder of your own.

    Tools, a policy with its test, a plan and remit.toml, ready for `remit up` and `remit run`.
    """
    from remit.cli.scaffold import init as start

    return start(folder, as_json=as_json)
