"""Make or upgrade a ledger's tables, and let roles write it: `python -m remit.stores.prepare`.

On PostgreSQL the owner of the tables runs it before workers start. Workers and keeper then use
roles that can add to the ledger, and neither change nor delete what stands.
"""

import argparse
import os

from remit.stores.migrate import migrate


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="python -m remit.stores.prepare", description=__doc__)
    parser.add_argument("url", nargs="?", default=os.environ.get("REMIT_LEDGER_URL"))
    parser.add_argument("--writer", action="append", default=[], help="role of workers")
    parser.add_argument("--keeper", action="append", default=[], help="role of the keeper")
    parser.add_argument("--reader", action="append", default=[], help="role of the console")
    given = parser.parse_args()
    if not given.url:
        parser.error("name the ledger, or set REMIT_LEDGER_URL")
    migrate(given.url)
    if not (given.writer or given.keeper or given.reader):
        return
    # Here, because PostgreSQL's driver is an extra.
    from remit.stores.postgresql import grant

    for role in given.writer:
        grant(given.url, role)
    for role in given.keeper:
        grant(given.url, role, keeper=True)
    for role in given.reader:
        grant(given.url, role, reader=True)


if __name__ == "__main__":
    main()
