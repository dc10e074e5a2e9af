"""Importing what a process keeps for as long as it lives.

Nothing of it ever becomes garbage, and the collector would look through all of it again and again:
a tenth of a worker's start, and much of every full collection after that.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def for_good() -> Iterator[None]:
    """Keep the garbage collector from what is made until the block ends, then and later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
