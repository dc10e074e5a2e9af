"""How many examples a property is tried with: some each time, all of them with `make large`."""

import os

ALL = os.environ.get("REMIT_TEST_EXAMPLES") == "all"
_SHARE = 3


def examples(count: int) -> int:
    """Return `count` where all are wanted, and a third of it otherwise."""
    return count if ALL else count // _SHARE
