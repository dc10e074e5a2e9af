"""`python -m remit.cli.stack.fetch [light|full]`: find or install a stack's programs; say which."""

import os
import sys

from remit.cli.stack.binaries import cache_folder, ensure
from remit.cli.stack.errors import StackError
from remit.cli.stack.profile import PROGRAMS


def main() -> int:
    """Make sure that the programs of a profile are there."""
    for program in PROGRAMS["full" if "full" in sys.argv[1:] else "light"]:
        try:
            found = ensure(program, _say, cache=cache_folder(), search=os.environ.get("PATH", ""))
        except StackError as error:
            _say(str(error))
            return 3
        _say(f"{program.name} {found.version}: {found.path}")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
