"""`python -m remit.cli.stack.fetch`: find or install the programs of the stack, and say which."""

import os
import sys

from remit.cli.stack.binaries import OPA, TEMPORAL, cache_folder, ensure
from remit.cli.stack.errors import StackError


def main() -> int:
    """Make sure that Temporal's development server and OPA are there."""
    for program in (TEMPORAL, OPA):
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
