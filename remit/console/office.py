"""What every page works with, made once per process."""

from collections.abc import Callable
from dataclasses import dataclass

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from temporalio.client import Client

from remit.console import rendering
from remit.console.card import Cards
from remit.console.oidc import Issuer
from remit.console.plans import Plans
from remit.console.registry import RulesInForce
from remit.console.seal import Seal
from remit.console.sessions import Session, Sessions
from remit.console.settings import ConsoleSettings
from remit.console.signing import Signer
from remit.console.viewing import Viewer
from remit.console.watching import Watch
from remit.stores.inbox import InboxStore
from remit.stores.ledger import SqlLedger

VIEWER = "viewer"
"""Where a request's state has whoever asks."""


@dataclass(frozen=True, slots=True)
class Office:
    """The console's own things."""

    settings: ConsoleSettings
    ledger: SqlLedger
    """Opened for reading alone."""
    store: InboxStore
    plans: Plans
    cards: Cards
    rules: RulesInForce
    watch: Watch
    seal: Seal
    sessions: Sessions
    issuer: Issuer | None
    """Who says who somebody is; without one names are claims."""
    temporal: Client
    signer: Signer
    templates: Environment
    clock: Callable[[], int]
    """Milliseconds of Unix time."""

    async def viewer(self, session: Session) -> Viewer:
        """Return whoever has a session, as the policies in force know them."""
        rules = await self.rules.read()
        is_bound = self.settings.console.oidc is not None
        return Viewer(session, rules.person(session.name), is_bound)

    def page(
        self, request: Request, template: str, status: int = 200, /, **values: object
    ) -> Response:
        """Return a page with what all pages have."""
        viewer: Viewer | None = getattr(request.state, VIEWER, None)
        token = self.sessions.form_token(viewer.session) if viewer else ""
        return rendering.page(
            self.templates,
            template,
            status,
            viewer=viewer,
            form_token=token,
            path=request.url.path,
            settings=self.settings,
            is_verified=self.settings.console.oidc is not None,
            now_ms=self.clock(),
            **values,
        )


def office_of(request: Request) -> Office:
    """Return the office of a request."""
    found: Office = request.app.state.office
    return found


def viewer_of(request: Request) -> Viewer:
    """Return whoever asks; pages that need nobody signed in do not call this."""
    found: Viewer = request.state.viewer
    return found


def see(address: str) -> RedirectResponse:
    """Return the answer that sends a browser on after a form."""
    return RedirectResponse(address, 303)
