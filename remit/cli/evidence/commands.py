"""`remit evidence …` as it is typed. What the commands do is imported when one runs.

`verify` and `show` are for people without a stack, so they load neither Temporal nor a database.
"""

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.options import AsJson, InProject, group

ArchiveFile = Annotated[Path, typer.Argument(metavar="FILE", help="An archive of evidence.")]
Keys = Annotated[
    list[Path] | None,
    typer.Option(
        "--key",
        metavar="PUB",
        help="The log's public keys (log.pub), from their owner and not from whoever sent the "
        "archive. Without it: those of the project's own stack.",
        show_default=False,
    ),
]
Kept = Annotated[
    list[Path] | None,
    typer.Option(
        "--checkpoint",
        metavar="FILE",
        help="A checkpoint that you kept; may be repeated.",
        show_default=False,
    ),
]


def make_evidence_app() -> typer.Typer:
    """Return the group of commands."""
    app = group("evidence", "Export, verify and show the evidence of a run.")
    app.command("export")(export)
    app.command("verify")(verify)
    app.command("show")(show)
    app.command("rotate-key")(rotate_key)
    return app


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A workflow id, or a run's root id.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to write it.", show_default=False),
    ] = None,
    kept: Kept = None,
    wait_s: Annotated[
        float,
        typer.Option("--wait", metavar="SECONDS", help="Wait so long for the run's seal.", min=0),
    ] = 0,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Write one run's evidence into an archive.

    Records, signed tree head, proofs, plan, contracts, contents, policy bundles, history. It holds
    arguments and outputs in plain text. Needs the ledger, no running stack.
    """
    from remit.cli.evidence.exporting import export as start

    return start(run, output, kept or [], project, wait_s=wait_s, as_json=as_json)


def verify(
    file: ArchiveFile,
    keys: Keys = None,
    kept: Kept = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Verify an archive, offline.

    The exit code is 0 when nothing refutes it; every finding names its place.
    """
    from remit.cli.evidence.verifying import verify as start

    return start(file, keys or [], kept or [], project, as_json=as_json)


def show(
    file: ArchiveFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="HTML", help="The page.", show_default=False),
    ] = None,
    keys: Keys = None,
    kept: Kept = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Make one readable page of an archive.

    Plan, timeline, decisions, votes, what is left behind, and what the verification says.
    """
    from remit.cli.evidence.showing import show as start

    return start(file, output, keys or [], kept or [], project, as_json=as_json)


def rotate_key(project: InProject = None, as_json: AsJson = False) -> int:
    """Give the log a new signing key.

    The old public key stays in log.pub, for the trees that it signed.
    """
    from remit.cli.evidence.rotating import rotate_key as start

    return start(project, as_json=as_json)
