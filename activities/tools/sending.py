"""Whether anything of a request was sent: watched at the client, not guessed from an exception.

Until the client begins to write the request's first byte, a failure is certain to have had no
effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import httpcore2


@dataclass(slots=True)
class Sending:
    """A request on its way; stands in its extension `trace`."""

    began: bool = False
    """Whether its first byte may have left."""

    async def __call__(self, event: str, details: Mapping[str, object]) -> None:
        """Take note of what the client does."""
        if event.endswith(".send_request_headers.started"):
            self.began = True
        elif event.endswith(".send_request_headers.failed"):
            # The client checks the headers before it writes; a refusal of its own means that not
            # one byte left.
            refused = isinstance(details.get("exception"), httpcore2.LocalProtocolError)
            self.began = self.began and not refused
