"""`remit vendors` as it is typed. What it does is imported when it runs."""

from typing import Annotated

import typer

from remit.cli.options import AsJson, InProject


def vendors(
    within: Annotated[
        int,
        typer.Option(
            "--within", metavar="DAYS", help="Mark what is to be reviewed so soon.", min=0
        ),
    ] = 30,
    project: InProject = None,
    as_json: AsJson = False,
) -> int:
    """List who stands behind each tool, their risk, and until when somebody looked at them.

    By the policies in force, which are asked about each tool: the exit code is 1 when one is
    refused for its vendor. Reads contracts and the ledger; needs no stack.
    """
    from remit.cli.vendors.telling import vendors as start

    return start(within, project, as_json=as_json)
