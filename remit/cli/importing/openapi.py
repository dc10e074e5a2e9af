"""`remit tools import openapi`: the operations of a service as tools of the project."""

import re
from dataclasses import dataclass
from pathlib import Path

from remit.canonical import JSON, JSONObject
from remit.cli.errors import usage
from remit.cli.importing.file import place_of, standing
from remit.cli.importing.source import Fetched, fetch
from remit.cli.importing.writing import How, bring_in
from remit.cli.place import find_project
from remit.tool.openapi.operations import import_openapi
from remit.tool.openapi.source import MAX_BYTES
from remit.tool.openapi.texts import segment
from remit.tool.openapi.wanted import Wanted

_DOMAIN = re.compile(r"[a-z][a-z0-9_]{0,39}")
_REFERENCE = re.compile(r"[a-z]+:(?:[^\s{}$]|\{agent\}|\{tenant\}){1,200}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed."""

    source: str
    into: Path | None
    domains: tuple[str, ...]
    owner: str | None
    only: tuple[str, ...]
    server: str | None
    destinations: tuple[str, ...]
    region: str | None
    secrets: tuple[str, ...]


def openapi(asked: Asked, project: Path | None, how: How) -> int:
    """Import the tools of an OpenAPI document."""
    folder = find_project(project)
    fetched = fetch(asked.source, folder, MAX_BYTES)
    domains = _domains(asked, fetched)
    file = place_of(folder, asked.into, domains[0])
    before = standing(file, "openapi")
    wanted = _wanted(asked, fetched, domains, {} if before is None else before.options)
    return bring_in(folder, file, import_openapi(fetched.content, wanted), how)


def _wanted(asked: Asked, fetched: Fetched, domains: tuple[str, ...], before: JSONObject) -> Wanted:
    """Return what is wanted: what was typed, else what was typed the last time."""
    if not asked.domains:
        domains = _checked(_texts(before.get("domains"))) or domains
    secrets = before.get("secrets")
    kept = {name: str(text) for name, text in secrets.items()} if isinstance(secrets, dict) else {}
    return Wanted(
        domains=domains,
        owner=asked.owner or _text(before.get("owner")) or f"team:{domains[0]}",
        source=fetched.shown,
        origin=fetched.origin,
        only=asked.only or _texts(before.get("only")),
        server=asked.server or _text(before.get("server")),
        destinations=asked.destinations or _texts(before.get("destinations")),
        region=asked.region or _text(before.get("region")) or "unstated",
        secrets=_secrets(asked.secrets) or kept,
    )


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: JSON) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def _domains(asked: Asked, fetched: Fetched) -> tuple[str, ...]:
    if asked.domains:
        return _checked(asked.domains)
    stem = asked.into.name.partition(".")[0] if asked.into else fetched.stem
    return _checked((segment(stem)[:40],))


def _checked(domains: tuple[str, ...]) -> tuple[str, ...]:
    for domain in domains:
        if not _DOMAIN.fullmatch(domain):
            hint = "use small letters, digits and '_'"
            raise usage("IMPORT-DOMAIN", f"{domain[:60]!r} is no name of a domain", hint)
    return domains


def _secrets(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        scheme, _, reference = each.partition("=")
        if not scheme or not _REFERENCE.fullmatch(reference):
            hint = "write --secret SCHEME=env:NAME or SCHEME=file:PATH"
            raise usage("IMPORT-SECRET", "a secret is named by a reference", hint)
        found[scheme] = reference
    return found
