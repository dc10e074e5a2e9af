"""What was said of an import before: it holds until something else is said."""

import re
from pathlib import Path

from remit.canonical import JSONObject
from remit.cli.errors import usage
from remit.tool.texts import segment

_DOMAIN = re.compile(r"[a-z][a-z0-9_]{0,39}")


def said_text(before: JSONObject, name: str) -> str | None:
    """Return the option `name` of an earlier import, if it is a text."""
    value = before.get(name)
    return value if isinstance(value, str) and value else None


def said_texts(before: JSONObject, name: str) -> tuple[str, ...]:
    """Return the option `name` of an earlier import, if it is a list."""
    value = before.get(name)
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def default_domain(into: Path | None, stem: str) -> str:
    """Return the domain of tools of which nobody says one: as the file is called, else `stem`."""
    name = stem if into is None else into.name.partition(".")[0]
    return checked_domains((segment(name)[:40],))[0]


def checked_domains(domains: tuple[str, ...]) -> tuple[str, ...]:
    """Return `domains`, each of which can be one.

    Raises:
        CliError: one cannot.
    """
    for domain in domains:
        if not _DOMAIN.fullmatch(domain):
            hint = "use small letters, digits and '_'"
            raise usage("IMPORT-DOMAIN", f"{domain[:60]!r} is no name of a domain", hint)
    return domains
