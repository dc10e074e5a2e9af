"""`remit limits` as it is typed. What it does is imported when it runs."""

from remit.cli.options import AsJson, InProject


def limits(project: InProject = None, as_json: AsJson = False) -> int:
    """Tell which breakers are open, and who holds slots of what.

    Reads contracts, remit.toml and the ledger; needs no stack.
    """
    from remit.cli.limits.telling import limits as start

    return start(project, as_json=as_json)
