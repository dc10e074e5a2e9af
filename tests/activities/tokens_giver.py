"""A small server that gives access tokens, as a server of OAuth 2 does: each one another."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from activities.tools.registry import Tools
from remit.canonical import JSON
from tests.activities.origin import Asked, Origin, Reply, answer

SECRET = "cl1ent:s3cret/+of=the&client"
"""Of the client that asks."""
BEARER = {"Authorization": "Bearer ${oauth:crm}"}
"""Headers of a tool that needs a token."""
MakeClient = Callable[..., Tools]
"""From environment, way out (`within`) and fields of the client to the adapters of a worker."""


@dataclass
class Giver:
    """What it gives, and what it was asked."""

    origin: Origin = field(default_factory=Origin)
    given: list[str] = field(default_factory=list)
    lasts_s: JSON = 3600
    changes: Mapping[str, JSON] = field(default_factory=dict)
    """Members of the answer that are otherwise; `None` leaves one out."""

    @property
    def url(self) -> str:
        """Where tokens are got."""
        return f"http://127.0.0.1:{self.origin.port}/oauth2/token"

    @property
    def forms(self) -> list[dict[str, str]]:
        """What was asked, member by member."""
        return [dict(parse_qsl(asked.body.decode())) for asked in self.origin.asked]

    async def give(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        """Answer with a new token."""
        self.given.append(f"t0ken.{len(self.given)}/of+the=giver")
        told: dict[str, JSON] = {"access_token": self.given[-1], "token_type": "Bearer"}
        told |= {"expires_in": self.lasts_s, **self.changes}
        body = {name: value for name, value in told.items() if value is not None}
        await answer(200, json.dumps(body).encode())(asked, writer)

    def answers(self, reply: Reply) -> None:
        """Answer so from now on."""
        self.origin.reply = reply


@asynccontextmanager
async def giving() -> AsyncIterator[Giver]:
    """Run one on a free port."""
    made = Giver()
    made.answers(made.give)
    server = await asyncio.start_server(made.origin.serve, "127.0.0.1", 0)
    made.origin.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
