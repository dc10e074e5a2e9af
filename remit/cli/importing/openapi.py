"""`remit tools import openapi`: the operations of a service as tools of the project."""

from dataclasses import dataclass, replace
from pathlib import Path

from remit.canonical import JSONObject
from remit.cli.errors import usage
from remit.cli.importing.file import place_of, standing
from remit.cli.importing.said import checked_domains, default_domain, said_text, said_texts
from remit.cli.importing.source import Fetched, fetch
from remit.cli.importing.writing import How, bring_in
from remit.cli.place import find_project
from remit.stores.oauth import load_clients
from remit.tool.oauth import token_hosts
from remit.tool.openapi.operations import import_openapi
from remit.tool.openapi.source import MAX_BYTES
from remit.tool.openapi.wanted import Wanted
from remit.tool.secret import is_whole_reference, reference_fault


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
    hosts = token_hosts(load_clients(folder))
    wanted = _wanted(asked, fetched, domains, {} if before is None else before.options)
    wanted = replace(wanted, token_hosts=hosts)
    return bring_in(folder, file, before, import_openapi(fetched.content, wanted), how)


def _wanted(asked: Asked, fetched: Fetched, domains: tuple[str, ...], before: JSONObject) -> Wanted:
    """Return what is wanted: what was typed, else what was typed the last time."""
    if not asked.domains:
        domains = checked_domains(said_texts(before, "domains")) or domains
    secrets = before.get("secrets")
    kept = {name: str(text) for name, text in secrets.items()} if isinstance(secrets, dict) else {}
    return Wanted(
        domains=domains,
        owner=asked.owner or said_text(before, "owner") or f"team:{domains[0]}",
        source=fetched.shown,
        origin=fetched.origin,
        is_private=fetched.is_private,
        only=asked.only or said_texts(before, "only"),
        server=asked.server or said_text(before, "server"),
        destinations=asked.destinations or said_texts(before, "destinations"),
        region=asked.region or said_text(before, "region") or "unstated",
        secrets=_secrets(asked.secrets) or kept,
    )


def _domains(asked: Asked, fetched: Fetched) -> tuple[str, ...]:
    if asked.domains:
        return checked_domains(asked.domains)
    return (default_domain(asked.into, fetched.stem),)


def _secrets(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        scheme, _, reference = each.partition("=")
        if not scheme or not is_whole_reference(reference) or reference_fault(reference):
            hint = "write --secret SCHEME=env:NAME or SCHEME=file:PATH"
            raise usage("IMPORT-SECRET", "a secret is named by a reference", hint)
        found[scheme] = reference
    return found
