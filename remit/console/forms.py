"""Forms as browsers send them: one value per name, bounded, and text alone."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

_MOST_FIELDS = 400
COMMENT = 4000
"""Most characters of a comment."""
NAME = 200
"""Most characters of a person's name."""


class Form:
    """What was filled in."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def one(self, name: str) -> str:
        """Return a value without surrounding space; empty for none."""
        return self._values.get(name, [""])[-1].strip()

    def all(self, name: str) -> Sequence[str]:
        """Return every value of a name."""
        return self._values.get(name, [])

    def below(self, prefix: str) -> Mapping[str, str]:
        """Return values whose names begin with `prefix`, by the rest of their names."""
        return {
            name.removeprefix(prefix): values[-1]
            for name, values in self._values.items()
            if name.startswith(prefix)
        }


async def read(request: Request) -> Form:
    """Return the form in a request's body.

    Raises:
        HTTPException: it is no form, or has too many fields.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, "This is no form of the console.")
    body = await request.body()
    try:
        text = body.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise HTTPException(400, "The form cannot be read.") from error
    # Browsers end lines by CR LF; arguments and comments have LF.
    return Form([(name, value.replace("\r\n", "\n")) for name, value in pairs])
