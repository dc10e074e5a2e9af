"""Starts the publisher: `python -m remit.cli.stack.publisher_start`."""

import sys

from remit.importing import for_good

with for_good():
    from remit.cli.stack.publisher import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
