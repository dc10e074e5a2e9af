"""The packages of a kind of tool that are an extra: without them a worker serves other kinds."""

from collections.abc import Iterator
from contextlib import contextmanager


class ExtraError(Exception):
    """An extra is not here, or not as it must be; the message says how to install it."""


@contextmanager
def of_extra(extra: str, *packages: str) -> Iterator[None]:
    """Import in this block what needs `packages`, which `extra` installs.

    Raises:
        ExtraError: one of them cannot be imported; a failure of any other is raised as it is.
    """
    try:
        yield
    except ImportError as error:
        # A package that misses what it stands on itself says so without a name.
        if (error.name or packages[0]).partition(".")[0] not in packages:
            raise
        what = f"the extra `{extra}` is not installed here"
        raise ExtraError(f"{what}: `pip install 'remit[{extra}]'`") from error
