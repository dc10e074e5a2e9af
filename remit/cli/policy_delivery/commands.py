"""`remit policy build|publish|rollback|releases` as they are typed."""

from pathlib import Path
from typing import Annotated

import typer

from remit.cli.options import AsJson, By, InProject, Reason

Key = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help="Private key (ES256, PEM) to sign with. Without it: the stack's own.",
        show_default=False,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="The what-if report, where policies are reviewed.",
        show_default=False,
    ),
]
Floor = Annotated[
    bool,
    typer.Option(
        "--floor", help="Earlier releases must not decide any more, wherever they turn up."
    ),
]
Wait = Annotated[
    float,
    typer.Option(
        "--wait", metavar="SECONDS", help="Wait so long until the stack's OPA has it.", min=0
    ),
]


def add_delivery(app: typer.Typer) -> None:
    """Add the commands by which policies come into force."""
    app.command("build")(build)
    app.command("publish")(publish)
    app.command("rollback")(rollback)
    app.command("releases")(releases)


def build(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write the bundle.")
    ],
    key: Key = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Check the project's policies and make a signed bundle of them.

    Changes nothing that decides. Needs no ledger and no stack.
    """
    from remit.cli.policy_delivery.building import build as start

    return start(output, key, project, as_json=as_json)


def publish(
    by: By,
    reason: Reason = "",
    report: Report = None,
    floor: Floor = False,
    key: Key = None,
    wait_s: Wait = 10,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Put the project's policies in force, in every OPA that the ledger's publishers serve.

    Checked, built, signed, and released under the next serial number; nothing is restarted. Where
    policies are reviewed, the policies in force must permit it, on a what-if report.
    """
    from remit.cli.policy_delivery.publishing import Order
    from remit.cli.policy_delivery.publishing import publish as start

    return start(Order(by, reason, floor, wait_s, project, as_json), report, key)


def rollback(
    to: Annotated[str, typer.Argument(metavar="RELEASE", help="A serial number, or a revision.")],
    by: By,
    reason: Reason,
    floor: Floor = False,
    wait_s: Wait = 10,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """Put an earlier release in force again, as it was signed.

    It gets the next serial number. What stands in the policy folder is not touched, and takes
    effect again once it is changed or published.
    """
    from remit.cli.policy_delivery.publishing import Order
    from remit.cli.policy_delivery.publishing import roll_back as start

    return start(Order(by, reason, floor, wait_s, project, as_json), to)


def releases(
    most: Annotated[
        int, typer.Option("--most", metavar="N", help="How many, newest first.", min=1, max=1000)
    ] = 20,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """List the releases of policies: who put what in force, when, why, and by whose leave."""
    from remit.cli.policy_delivery.listing import releases as start

    return start(most, project, as_json=as_json)
