"""Authentication that a document asks for, as headers with references to secrets.

The document never chooses which secret is sent: the reference is `env:` and a name that begins with
`REMIT_SECRET_` and the domain, or what whoever imports says. No secret is put into a URL. Nor does
it choose who is asked for tokens: where it says that they are got is shown to whoever imports.
"""

import re
from dataclasses import dataclass

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic
from remit.tool.http_checks import RESERVED_HEADERS
from remit.tool.oauth import SCHEME
from remit.tool.openapi.source import HEADER, Source, UnfitError, at
from remit.tool.openapi.wanted import Wanted
from remit.tool.secret import Reference, references
from remit.tool.texts import one_line

_HINT = "write the contract by hand, or put a gateway before the service"


@dataclass(frozen=True, slots=True)
class Secured:
    """How an operation is authenticated."""

    headers: dict[str, str]
    notes: tuple[Diagnostic, ...] = ()
    hosts: tuple[str, ...] = ()
    """Those that are asked for access tokens."""


def read_security(source: Source, wanted: Wanted, entry: JSONObject, where: str) -> Secured:
    """Return the headers that the operation needs: of the first way in that can be gone.

    Raises:
        UnfitError: no way that it offers can be gone.
    """
    own = "security" in entry
    asked, place = (
        (entry if own else source.root).get("security", []),
        at(where if own else "", "security"),
    )
    if not isinstance(asked, list):
        raise UnfitError("OPENAPI-SHAPE", place, "a list is expected here")
    failed: UnfitError | None = None
    for index, way in enumerate(asked):
        if not isinstance(way, dict):
            raise UnfitError("OPENAPI-SHAPE", at(place, index), "an object is expected here")
        try:
            return _way(source, wanted, way, at(place, index))
        except UnfitError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return Secured({})


def _way(source: Source, wanted: Wanted, way: JSONObject, where: str) -> Secured:
    headers: dict[str, str] = {}
    notes: list[Diagnostic] = []
    for name in way:
        scheme, place = _scheme(source, name, where)
        header, value, said = _header(wanted, name, scheme, place)
        if header.lower() in {each.lower() for each in headers}:
            message = f"two schemes set the header {header!r}"
            raise UnfitError("OPENAPI-AUTH", where, message, _HINT)
        headers[header] = value
        hint = _hint(name, scheme, value)
        notes.append(Diagnostic(code="OPENAPI-SECRET", path=place, message=said, hint=hint))
    asked = [each.name for text in headers.values() for each in references(text) if _is_got(each)]
    hosts = tuple(wanted.token_hosts[name] for name in asked if name in wanted.token_hosts)
    return Secured(headers, tuple(notes), hosts)


def _is_got(reference: Reference) -> bool:
    return reference.scheme == SCHEME


def _hint(name: str, scheme: JSONObject, value: str) -> str:
    """Say what to do about a secret; for tokens that can be got, how they are."""
    if any(_is_got(reference) for reference in references(value)):
        return "see [oauth] of remit.toml, docs/egress.md#oauth"
    flows = scheme.get("flows")
    flow = flows.get("clientCredentials") if isinstance(flows, dict) else None
    if not isinstance(flow, dict):
        return _SET
    scopes = flow.get("scopes")
    known = " ".join(scopes) if isinstance(scopes, dict) else ""
    told = {"token_url": str(flow.get("tokenUrl", "")), "scope": known}
    shown = ", ".join(f"{key} {one_line(text, 200)!r}" for key, text in told.items() if text)
    return (
        f"Remit gets and renews it: declare [oauth.NAME] in remit.toml (the document says {shown}) "
        f"and say --secret {one_line(name, 60)}=oauth:NAME, see docs/egress.md#oauth"
    )


_SET = "set it where the workers run, or name another reference: --secret SCHEME=REFERENCE"


def _scheme(source: Source, name: str, where: str) -> tuple[JSONObject, str]:
    components = source.root.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    if not isinstance(schemes, dict) or name not in schemes:
        message = f"the security scheme {name[:60]!r} is not declared"
        raise UnfitError("OPENAPI-AUTH", where, message, "declare it, or drop it")
    return source.part(schemes[name], at("/components/securitySchemes", name))


def _header(wanted: Wanted, name: str, scheme: JSONObject, where: str) -> tuple[str, str, str]:
    """Return header, its value, and what to say about the secret."""
    reference = wanted.secrets.get(name, f"env:{_variable(wanted.domains[0], name)}")
    kind, way = scheme.get("type"), str(scheme.get("scheme", "")).lower()
    if kind == "http" and way == "bearer":
        return "authorization", f"Bearer ${{{reference}}}", f"{reference} holds a bearer token"
    if kind == "http" and way == "basic":
        said = f"{reference} holds base64 of `user:password`"
        return "authorization", f"Basic ${{{reference}}}", said
    if kind in ("oauth2", "openIdConnect"):
        said = f"{reference} holds an access token; whoever gets and renews it puts it there"
        if reference.startswith(f"{SCHEME}:"):
            said = f"{reference} is an access token that is got when a call needs it"
        return "authorization", f"Bearer ${{{reference}}}", said
    key, inside = scheme.get("name"), scheme.get("in")
    if kind == "apiKey" and isinstance(key, str) and HEADER.fullmatch(key):
        if inside == "header" and key.lower() not in RESERVED_HEADERS:
            return key.lower(), f"${{{reference}}}", f"{reference} holds an API key"
        if inside == "cookie":
            return "cookie", f"{key}=${{{reference}}}", f"{reference} holds a cookie's value"
    message = f"the security scheme {name[:60]!r} is one that is not spoken: {_told(kind, inside)}"
    raise UnfitError("OPENAPI-AUTH", where, message, _HINT)


def _told(kind: JSON, inside: JSON) -> str:
    return f"{str(kind)[:20]} in {str(inside)[:20]}" if inside else str(kind)[:20]


def _variable(domain: str, scheme: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", scheme).strip("_")[:40] or "KEY"
    return f"REMIT_SECRET_{domain}_{name}".upper()
