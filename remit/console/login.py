"""Signing in and out.

Without an issuer a name is asked for, and every page says that nobody verified it.
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from remit.console.forms import NAME, read
from remit.console.office import Office, office_of, see, viewer_of
from remit.console.oidc import Issuer, LoginError, Started

_STARTED = "login"
_LASTS_S = 600.0


async def show(request: Request) -> Response:
    """Ask who it is."""
    office = office_of(request)
    to = _own(request.query_params.get("to", "/"))
    if office.sessions.read(request) is not None:
        return see(to)
    return office.page(request, "login.html", to=to, wrong="", name="")


async def start(request: Request) -> Response:
    """Send the browser to the issuer; by a link, for a form's way is bound to this host."""
    office = office_of(request)
    if office.issuer is None:
        raise HTTPException(404)
    return await _sent(office, office.issuer, _own(request.query_params.get("to", "/")))


async def enter(request: Request) -> Response:
    """Take a name, where nobody else says who it is."""
    office = office_of(request)
    form = await read(request)
    to = _own(form.one("to"))
    if office.issuer is not None:
        raise HTTPException(404)
    name = form.one("name")
    if not 0 < len(name) <= NAME or not name.isprintable():
        wrong = f"Type your name as the policies know it, at most {NAME} characters."
        return office.page(request, "login.html", 422, to=to, wrong=wrong, name=name[:NAME])
    response = see(to)
    office.sessions.begin(response, name, verified=False)
    return response


async def come_back(request: Request) -> Response:
    """Take what the issuer sent the browser back with."""
    office = office_of(request)
    issuer = office.issuer
    if issuer is None:
        raise HTTPException(404)
    started = _started(office, request)
    query = request.query_params
    try:
        if started is None or query.get("state") != started.state:
            raise LoginError("this login was not begun in this browser, or too long ago")
        if not query.get("code"):
            told = query.get("error_description") or query.get("error") or "no code"
            raise LoginError(f"the issuer refused: {told[:300]}")
        name = await issuer.person(started, query["code"])
    except LoginError as error:
        return office.page(request, "login.html", 403, to="/", wrong=f"{error}.", name="")
    response = see(started.to)
    office.sessions.begin(response, name, verified=True)
    response.delete_cookie(_cookie(office), path="/")
    return response


async def leave(request: Request) -> Response:
    """Sign somebody out."""
    office, viewer = office_of(request), viewer_of(request)
    form = await read(request)
    if not office.sessions.is_own_form(viewer.session, form.one("token")):
        raise HTTPException(403, "The form is not of this session.")
    response = see("/login")
    office.sessions.end(response, viewer.session)
    return response


async def _sent(office: Office, issuer: Issuer, to: str) -> Response:
    started = Started.new(to)
    try:
        response = see(await issuer.address(started))
    except LoginError as error:
        raise HTTPException(503, f"Nobody can sign in now: {error}.") from error
    body = {"state": started.state, "nonce": started.nonce, "verifier": started.verifier, "to": to}
    sealed = office.seal.close(_STARTED, {**body}, _LASTS_S)
    office.sessions.keep(response, _cookie(office), sealed, _LASTS_S)
    return response


def _started(office: Office, request: Request) -> Started | None:
    body = office.seal.open(_STARTED, request.cookies.get(_cookie(office), ""))
    if body is None:
        return None
    return Started(*(str(body[name]) for name in ("state", "nonce", "verifier", "to")))


def _cookie(office: Office) -> str:
    return f"{office.sessions.cookie}-login"


def _own(address: str) -> str:
    """Return an address of ours to go on to; the inbox for anything else."""
    is_own = address.startswith("/") and not address.startswith("//")
    is_plain = address.isprintable() and "\\" not in address and len(address) < 2000
    return address if is_own and is_plain else "/"
