"""Who is at the browser: a signed cookie that ends, and a token in every form.

A session says a name and whether anybody proved it. It holds no right: what a name may do is
policy's, at every single vote.
"""

import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from remit.canonical import JSONObject
from remit.console.seal import Seal

_SESSION, _FORM = "session", "form"
_MOST_ENDED = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who signed in."""

    id: str
    name: str
    verified: bool
    """Whether an issuer that we trust said the name; else it is the person's own word."""


class Sessions:
    """Sessions that one key signs."""

    def __init__(self, seal: Seal, *, lasts_s: float, is_secure: bool) -> None:
        """Keep no session here: each lives in its cookie, until it ends or is ended."""
        self._seal = seal
        self._lasts_s = lasts_s
        self._is_secure = is_secure
        self._ended: dict[str, None] = {}

    @property
    def cookie(self) -> str:
        """Name of the cookie; by its prefix browsers tie it to this host and to https."""
        return "__Host-remit-console" if self._is_secure else "remit-console"

    def begin(self, response: Response, name: str, *, verified: bool) -> None:
        """Sign somebody in."""
        body: JSONObject = {"id": secrets.token_urlsafe(16), "name": name, "verified": verified}
        self.keep(response, self.cookie, self._seal.close(_SESSION, body, self._lasts_s))

    def keep(self, response: Response, name: str, value: str, lasts_s: float | None = None) -> None:
        """Set a cookie that no script reads and no other site sends along."""
        response.set_cookie(
            name,
            value,
            max_age=int(lasts_s or self._lasts_s),
            path="/",
            httponly=True,
            secure=self._is_secure,
            samesite="lax",
        )

    def read(self, request: Request) -> Session | None:
        """Return the session of a request."""
        body = self._seal.open(_SESSION, request.cookies.get(self.cookie, ""))
        if body is None or body.get("id") in self._ended:
            return None
        return Session(str(body["id"]), str(body["name"]), body["verified"] is True)

    def end(self, response: Response, session: Session | None) -> None:
        """Sign somebody out, also where the cookie was copied."""
        if session is not None:
            self._ended[session.id] = None
            while len(self._ended) > _MOST_ENDED:
                del self._ended[next(iter(self._ended))]
        response.delete_cookie(self.cookie, path="/", secure=self._is_secure, httponly=True)

    def form_token(self, session: Session) -> str:
        """Return what the session's forms carry."""
        return self._seal.token(_FORM, session.id)

    def is_own_form(self, session: Session, token: str) -> bool:
        """Whether a form was one of ours, made for this session."""
        return self._seal.is_token(_FORM, session.id, token)
